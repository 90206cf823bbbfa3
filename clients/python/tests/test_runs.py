"""Running a graph, being asked, answering, and looking at what happened; without asyncio and with it."""

from collections.abc import Sequence

import grpc
import pytest
from desk import GRAPH, NAME

import cairn
from cairn.events import InterruptRaised, RunStarted, RunStopped, TaskFinished

INPUT = {"question": "Grüße 😀"}


@pytest.fixture(autouse=True)
def graph(client: cairn.Client) -> cairn.GraphInfo:
    registered, _ = client.graphs.register(GRAPH)
    return registered


def numbers(found: Sequence[cairn.Event]) -> list[int]:
    return [event.number for event in found if event.ephemeral is None]


def test_stops_for_a_person_and_goes_on(client: cairn.Client, graph: cairn.GraphInfo, thread_id: str) -> None:
    thread = client.thread(thread_id)
    stopped = thread.run(INPUT, graph=NAME, request_id=f"run {thread_id}")
    assert stopped.status == "interrupted"
    assert stopped.error is None
    (question,) = stopped.interrupts
    assert (question.node, question.value) == ("check", {"draft": "Re: Grüße 😀"})
    assert stopped.state.next == ("check",)
    assert "approved" not in stopped.state.values
    # An answer to the call of before, not a second run.
    assert thread.run(INPUT, graph=NAME, request_id=f"run {thread_id}").run_id == stopped.run_id

    done = thread.resume(cairn.by_id({question.id: True}))
    assert done.status == "done"
    assert done.state.values == {**INPUT, "draft": "Re: Grüße 😀", "approved": True, "log": ["write", "send"]}
    assert done.state.graph_hash == graph.hash
    assert done.interrupts == () and done.state.next == ()
    states = list(thread.history(page_size=2))
    assert [state.step for state in states] == [3, 2, 1, 0, -1]
    assert thread.state(checkpoint_id=states[1].checkpoint_id).values["log"] == ["write"]
    assert [run.status for run in thread.runs()] == ["done", "interrupted"]


async def test_the_same_with_asyncio(aclient: cairn.AsyncClient, thread_id: str) -> None:
    thread = aclient.thread(thread_id)
    stopped = await thread.run(INPUT, graph=NAME)
    assert stopped.interrupts[0].value == {"draft": "Re: Grüße 😀"}
    done = await thread.resume(True)
    assert done.status == "done"
    assert [state.step async for state in thread.history(page_size=2)] == [3, 2, 1, 0, -1]
    found = [event async for event in thread.events(after=0, until_now=True)]
    assert isinstance(found[0], RunStarted) and isinstance(found[-1], RunStopped)
    assert found[-1].number == done.last_event_number


def test_steps_one_by_one(client: cairn.Client, thread_id: str) -> None:
    thread = client.thread(thread_id)
    first = thread.step(INPUT, graph=NAME)
    assert (first.status, first.state.next) == ("paused", ("write",))
    assert thread.step().state.values["log"] == ["write"]


def test_a_run_in_the_background_is_waited_for(client: cairn.Client, thread_id: str) -> None:
    thread = client.thread(thread_id)
    begun = thread.run(INPUT, graph=NAME, background=True)
    assert begun.status in ("running", "queued", "interrupted")
    waited = thread.wait_for_run(begun.run_id)
    assert (waited.status, waited.graph_name) == ("interrupted", NAME)
    assert thread.run_info(begun.run_id) == waited
    assert thread.cancel(begun.run_id).status == "interrupted", "one that has stopped stays as it was"


def test_a_failure_is_an_outcome(client: cairn.Client, thread_id: str) -> None:
    client.graphs.register(
        "name: fails\nchannels: { n: last_value }\n"
        "nodes: { divide: { expression: { update: { n: '1 / state.n' } } } }\n"
        "edges: [START -> divide, divide -> END]"
    )
    failed = client.thread(thread_id).run({"n": 0}, graph="fails")
    assert failed.status == "failed" and failed.error is not None
    assert (failed.error.reason, failed.error.node) == ("EXPRESSION_FAILED", "divide")


def test_an_empty_input_is_an_input_and_none_is_not(client: cairn.Client, thread_id: str) -> None:
    thread = client.thread(thread_id)
    with pytest.raises(cairn.CairnError) as refused:
        thread.run(graph=NAME)
    assert refused.value.reason == "EMPTY_INPUT"
    assert thread.run({}, graph=NAME).status == "failed", "the question is missing"


def test_the_state_is_updated_forked_and_written_in_bulk(client: cairn.Client, thread_id: str) -> None:
    thread = client.thread(thread_id)
    stopped = thread.run(INPUT, graph=NAME)
    head = stopped.state.checkpoint_id
    updated = thread.update_state({"draft": "shorter"}, as_node="write", expected_head=head)
    assert updated.values["draft"] == "shorter"
    with pytest.raises(cairn.CairnError) as refused:
        thread.update_state({"draft": "too late"}, as_node="write", expected_head=head)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.ABORTED, "HEAD_MISMATCH")
    assert refused.value.metadata["head"] == updated.checkpoint_id
    forked = thread.fork(head, {"draft": "another"}, as_node="write")
    assert forked.parent_id == head
    assert thread.run().interrupts[0].value == {"draft": "another"}
    node = cairn.NodeUpdate
    bulk = thread.bulk_update_state([[node({"log": ["a"]}, "write")], [node({"log": ["b"]}, "write")]])
    assert bulk.values["log"][-2:] == ["a", "b"]


def test_a_reader_that_was_cut_off_goes_on_after_the_last_it_saw(client: cairn.Client, thread_id: str) -> None:
    thread = client.thread(thread_id)
    thread.run(INPUT, graph=NAME)
    stream = thread.events(after=0)
    first = [next(stream) for _ in range(3)]
    stream.close()
    outcome = thread.resume(True)
    rest = list(thread.events(after=numbers(first)[-1], until_run_stops=outcome.run_id))
    whole = list(thread.events(after=0, until_now=True))
    assert numbers(first) + numbers(rest) == numbers(whole) == sorted(set(numbers(whole)))
    assert whole[-1].number == outcome.last_event_number
    assert any(isinstance(event, InterruptRaised) and event.value == {"draft": "Re: Grüße 😀"} for event in whole)
    finished = [event for event in whole if isinstance(event, TaskFinished) and event.node == "send"]
    assert [(update.channel, update.value) for event in finished for update in event.updates] == [("log", ["send"])]


def test_values_can_be_left_as_references(client: cairn.Client, thread_id: str) -> None:
    thread = client.thread(thread_id)
    thread.run(INPUT, graph=NAME)
    finished = [e for e in thread.events(after=0, until_now=True, values=False) if isinstance(e, TaskFinished)]
    assert all(isinstance(update.value, cairn.ValueRef) for event in finished for update in event.updates)


def test_a_reader_ahead_of_the_thread_is_told_so(client: cairn.Client, thread_id: str) -> None:
    thread = client.thread(thread_id)
    last = thread.run(INPUT, graph=NAME).last_event_number
    with pytest.raises(cairn.CairnError) as refused:
        list(thread.events(after=last + 10_000, until_now=True))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.OUT_OF_RANGE, "EVENTS_AHEAD")
