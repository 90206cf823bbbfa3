"""Runs a graph from Python: registers it as text, runs it, answers its question, and reads its events."""

import json

import grpc
import pytest
from cairn.v1 import checkpoint_service_pb2 as service_pb
from cairn.v1 import event_pb2, graph_service_pb2, run_service_pb2
from cairn.v1.checkpoint_service_pb2_grpc import CheckpointServiceStub
from cairn.v1.graph_service_pb2_grpc import GraphServiceStub
from cairn.v1.run_service_pb2_grpc import RunServiceStub
from cairn.v1.value_pb2 import TypedValue
from origins import inline

GRAPH = """
name: desk from python
channels:
  question: last_value
  draft: last_value
  approved: last_value
  log: append
nodes:
  write:
    expression:
      update: { draft: '"Re: " + state.question', log: '["write"]' }
  check:
    ask: { question: '{"draft": state.draft}', into: approved }
  send:
    expression:
      update: { log: '["send"]' }
edges:
  - START -> write
  - write -> check
  - check -> send
  - send -> END
"""

DEADLINE_SECONDS = 30


@pytest.fixture(scope="module")
def runs(channel):
    return RunServiceStub(channel)


@pytest.fixture(scope="module")
def graph(channel):
    source = graph_service_pb2.GraphSource(text=GRAPH)
    registered = GraphServiceStub(channel).RegisterGraph(graph_service_pb2.RegisterGraphRequest(graph=source))
    return registered.graph


def start(runs, graph, thread):
    return runs.Run(
        run_service_pb2.RunRequest(
            thread_id=thread,
            input=run_service_pb2.Input(values={"question": inline('"Grüße 😀"'.encode())}),
            options=run_service_pb2.RunOptions(graph_name=graph.name, graph_hash=graph.hash),
            request_id=f"run {thread}",
        )
    ).outcome


def answer(runs, thread, interrupt_id):
    answers = run_service_pb2.AnswersById(by_id={interrupt_id: TypedValue(type="json", data=b"true")})
    return runs.Resume(run_service_pb2.ResumeRequest(thread_id=thread, answers=answers)).outcome


def events(runs, thread, **fields):
    """Those that are there now, or up to the stop of a run."""
    request = run_service_pb2.StreamEventsRequest(thread_id=thread, **fields)
    return [response.event for response in runs.StreamEvents(request, timeout=DEADLINE_SECONDS)]


def durable(found):
    return [event for event in found if not event.HasField("ephemeral")]


def test_stops_for_a_person_and_goes_on(runs, graph, channel, thread):
    stopped = start(runs, graph, thread)
    assert stopped.status == event_pb2.RUN_STATUS_INTERRUPTED
    assert list(stopped.state.next_nodes) == ["check"]
    (interrupt,) = stopped.state.interrupts
    assert interrupt.node == "check"
    # An answer to the call of before, not a second run.
    assert start(runs, graph, thread).run_id == stopped.run_id

    seen = service_pb.GetCheckpointRequest(thread_id=thread)
    entry = CheckpointServiceStub(channel).GetCheckpoint(seen).entry
    assert [signal.id for signal in entry.checkpoint.pending_interrupts] == [interrupt.id]
    assert entry.checkpoint.graph_hash == graph.hash

    done = answer(runs, thread, interrupt.id)
    assert done.status == event_pb2.RUN_STATUS_DONE
    approved = done.state.values["approved"]
    assert (approved.type, approved.data) == ("msgpack", b"\xc3"), "what a node writes is MessagePack"
    question = done.state.values["question"]
    assert question.type == "json", "an input that no node touches keeps its bytes"
    assert json.loads(question.data) == "Grüße 😀"
    assert not done.state.next_nodes and not done.state.interrupts


def test_a_reader_that_was_cut_off_goes_on_after_the_last_it_saw(runs, graph, thread):
    stopped = start(runs, graph, thread)
    stream = runs.StreamEvents(run_service_pb2.StreamEventsRequest(thread_id=thread, after=0), timeout=DEADLINE_SECONDS)
    first = [next(stream).event for _ in range(3)]
    stream.cancel()
    outcome = answer(runs, thread, stopped.state.interrupts[0].id)
    rest = events(runs, thread, after=durable(first)[-1].number, until_run_stops=outcome.run_id)

    whole = events(runs, thread, after=0, until_now=True)
    joined = durable(first) + durable(rest)
    # Nothing twice, nothing missing.
    assert [event.number for event in joined] == sorted({event.number for event in joined})
    assert [event.SerializeToString(deterministic=True) for event in joined] == [
        event.SerializeToString(deterministic=True) for event in durable(whole)
    ]
    assert joined[-1].number == outcome.last_event_number
    bodies = [event.WhichOneof("body") for event in joined]
    assert bodies[0] == "run_started" and bodies[-1] == "run_stopped"
    assert {"interrupt_raised", "interrupt_answered", "task_finished", "checkpoint_saved"} <= set(bodies)


def test_a_reader_ahead_of_the_thread_is_told_so(runs, graph, thread):
    last = start(runs, graph, thread).last_event_number
    with pytest.raises(grpc.RpcError) as refused:
        events(runs, thread, after=last + 10_000, until_now=True)
    assert refused.value.code() == grpc.StatusCode.OUT_OF_RANGE
