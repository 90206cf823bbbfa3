"""What the code of a connected worker can do, in one run or several."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from worker.conftest import Register, Serve, told

import cairn
from cairn import methods
from cairn.events import TaskFinished
from cairn.v1.worker_service_pb2 import ListWorkersRequest

One = Callable[[str], str]


def test_gets_the_state_and_parameters_and_gives_updates(
    client: cairn.Client, serve: Serve, one: One, thread_id: str
) -> None:
    def work(state: dict[str, Any], context: cairn.NodeContext) -> dict[str, object]:
        assert (context.thread_id, context.node, context.namespace) == (thread_id, "work", "")
        return {"n": state["n"] * context.params["by"], "log": [f"attempt {context.attempt}"]}

    serve(work=work)
    thread = client.thread(thread_id)
    outcome = thread.run({"n": 21}, graph=one("n: last_value, log: append"))
    assert outcome.state.values == {"n": 42, "log": ["attempt 1"]}
    assert isinstance(outcome.state.values["n"], int)
    assert len(told(list(thread.events(after=0, until_now=True)), TaskFinished)) == 2


def test_keeps_apart_what_is_alike(client: cairn.Client, serve: Serve, one: One, thread_id: str) -> None:
    seen: list[object] = []

    def work(state: dict[str, Any]) -> dict[str, object]:
        seen.append(state["n"])
        return {"out": state["n"]}

    serve(work=work)
    graph = one("n: last_value, out: last_value")
    alike: list[object] = [2**64 - 1, -0.0, 1, 1.0, True, b"\x00\xff", "a\0🦀", "", None, [], {}, {"": [[["deep"]]]}]
    for number, value in enumerate(alike):
        outcome = client.thread(f"{thread_id} {number}").run({"n": value}, graph=graph)
        assert repr(seen[-1]) == repr(outcome.state.values["out"]) == repr(value)


def test_goes_where_it_says(client: cairn.Client, serve: Serve, register: Register, thread_id: str) -> None:
    sends = [cairn.Send("each", 1), cairn.Send("each", 2, timeout=30)]
    serve(
        first=lambda state: cairn.Command(update={"log": cairn.Overwrite(["anew"])}, goto=sends),
        each=lambda argument: {"log": [f"each {argument}"]},
    )
    graph = register(
        channels="log: append", nodes="first: { worker: {} }, each: { worker: {} }", edges="START -> first"
    )
    outcome = client.thread(thread_id).run({"log": ["old"]}, graph=graph)
    assert outcome.state.values["log"] == ["anew", "each 1", "each 2"]


def test_decides_for_a_conditional_edge(client: cairn.Client, serve: Serve, register: Register, thread_id: str) -> None:
    def which(state: dict[str, Any]) -> cairn.Goto:
        if state["n"] < 0:
            return [cairn.Send("big", "x"), "small"]
        return "big" if state["n"] > 1 else "small"

    serve(which=which, note=lambda state, context: {"log": [context.node]})
    note = "{ worker: { handler: note } }"
    graph = register(
        channels="n: last_value, log: append",
        nodes=f"start: {note}, big: {note}, small: {note}",
        edges="START -> start",
        more="branches: [{ from: start, worker: { handler: which } }]",
    )
    for n, ends in [(5, ["big"]), (0, ["small"]), (-1, ["small", "big"])]:
        log = client.thread(f"{thread_id} {n}").run({"n": n}, graph=graph).state.values["log"]
        assert (log[0], sorted(log[1:])) == ("start", sorted(ends))


def test_a_decision_cannot_ask(client: cairn.Client, serve: Serve, register: Register, thread_id: str) -> None:
    serve(which=lambda state: cairn.interrupt("?"), start=lambda state: None)
    graph = register(
        channels="log: append",
        nodes="start: { worker: {} }",
        edges="START -> start",
        more="branches: [{ from: start, worker: { handler: which } }]",
    )
    outcome = client.thread(thread_id).run({}, graph=graph)
    assert outcome.error is not None and outcome.error.kind == "TypeError"


@pytest.mark.parametrize("is_coroutine", [False, True])
def test_stops_for_answers_and_runs_again_with_them(
    client: cairn.Client, serve: Serve, one: One, thread_id: str, is_coroutine: bool
) -> None:
    calls: list[None] = []

    def plain(state: dict[str, Any]) -> dict[str, object]:
        calls.append(None)
        try:
            first = cairn.interrupt({"question": "first"})
        except Exception:  # noqa: BLE001
            first = "a question is no Exception"
        return {"log": [first, cairn.interrupt("second")]}

    async def coroutine(state: dict[str, Any]) -> dict[str, object]:
        return plain(state)

    serve(work=coroutine if is_coroutine else plain)
    thread = client.thread(thread_id)
    asked = thread.run({}, graph=one("log: append"))
    assert (asked.status, [i.value for i in asked.interrupts]) == ("interrupted", [{"question": "first"}])
    asked = thread.resume("a")
    assert (asked.status, [i.value for i in asked.interrupts]) == ("interrupted", ["second"])
    done = thread.resume("b")
    assert (done.status, done.state.values) == ("done", {"log": ["a", "b"]})
    assert len(calls) == 3


def test_interrupt_is_for_nodes_only() -> None:
    with pytest.raises(RuntimeError, match="for code that a worker runs"):
        cairn.interrupt("?")


class Unready(Exception):
    pass


def test_fails_as_python_says_it_and_is_tried_again(
    client: cairn.Client, serve: Serve, register: Register, thread_id: str
) -> None:
    attempts: list[int] = []

    def work(state: dict[str, Any], context: cairn.NodeContext) -> dict[str, object]:
        attempts.append(context.attempt)
        if context.attempt < 3:
            raise Unready("not yet")
        return {"log": list(attempts)}

    async def breaks(state: dict[str, Any]) -> None:
        raise TypeError("never")

    serve(work=work, breaks=breaks)
    node = "{ worker: {}, retry: { maxAttempts: 3, initialInterval: 0.01s, noJitter: true, retryOn: [Unready] } }"
    graph = register(
        channels="log: append", nodes=f"work: {node}, breaks: {node}", edges="START -> work, work -> breaks"
    )
    thread = client.thread(thread_id)
    outcome = thread.run({}, graph=graph)
    assert outcome.status == "failed" and outcome.error is not None
    assert (outcome.error.node, outcome.error.kind) == ("breaks", "TypeError")
    assert "TypeError: never" in outcome.error.message
    assert outcome.state.values["log"] == [1, 2, 3]
    failed = [e.raw.task_failed for e in thread.events(after=0, until_now=True) if e.raw.HasField("task_failed")]
    assert [f.error.kind for f in failed][-1] == "TypeError"
    assert "test_nodes.py" in failed[-1].error.stack and "in breaks" in failed[-1].error.stack


@pytest.mark.parametrize("raised", [StopIteration("no more"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_whatever_a_plain_function_raises_is_its_failure(
    client: cairn.Client, serve: Serve, one: One, thread_id: str, raised: BaseException
) -> None:
    def work(state: dict[str, Any]) -> None:
        raise raised

    serve(work=work)
    outcome = client.thread(thread_id).run({}, graph=one("log: append"))
    assert outcome.error is not None and outcome.error.kind == type(raised).__name__


@pytest.mark.parametrize(
    ("returned", "kind", "says"),
    [
        ({"log": [{"items": [1, {2}]}]}, "ValueNotSerializable", "log[0].items[1]"),
        (cairn.Command(goto=cairn.Send("work", {"at": object()})), "ValueNotSerializable", "goto.work.at"),
        ({"log": [cairn.OpaqueValue("pickle", b"")]}, "ValueNotSerializable", "log[0]"),
        ({"log": cairn.OpaqueValue("pickle", b"")}, "ValueNotSerializable", "log"),
        ("log", "TypeError", "work must return a dict"),
    ],
)
def test_says_what_cannot_be_told(
    client: cairn.Client, serve: Serve, one: One, thread_id: str, returned: object, kind: str, says: str
) -> None:
    serve(work=lambda state: returned)
    outcome = client.thread(thread_id).run({}, graph=one("log: append"))
    assert outcome.status == "failed" and outcome.error is not None
    assert outcome.error.kind == kind and says in outcome.error.message


@pytest.mark.parametrize("is_coroutine", [False, True])
def test_tells_listeners_of_tokens_and_events_of_its_own(
    client: cairn.Client, serve: Serve, one: One, thread_id: str, is_coroutine: bool
) -> None:
    def plain(state: dict[str, Any], context: cairn.NodeContext) -> None:
        context.token("m", "hel")
        context.token("m", "lo")
        context.alive()
        context.emit({"done": True})
        with pytest.raises(ValueError, match="at most 65536 bytes"):
            context.emit("x" * 65536)

    async def coroutine(state: dict[str, Any], context: cairn.NodeContext) -> None:
        plain(state, context)

    serve(work=coroutine if is_coroutine else plain)
    thread = client.thread(thread_id)
    thread.ensure()
    heard: list[cairn.Event] = []
    listener = threading.Thread(target=lambda: heard.extend(thread.events(after=0, until_stop=True)))
    listener.start()
    time.sleep(0.3)  # Until it listens: what it misses is not kept.
    assert thread.run({}, graph=one("log: append")).status == "done"
    listener.join(20)
    whats = [event.raw.WhichOneof("body") for event in heard]
    assert [what for what in whats if what in ("message_token", "custom")] == ["message_token"] * 2 + ["custom"]


def test_loses_nothing_that_a_function_tells_faster_than_it_is_sent(
    client: cairn.Client, serve: Serve, one: One, thread_id: str
) -> None:
    told = 15_000

    def work(state: dict[str, Any], context: cairn.NodeContext) -> None:
        for number in range(told):
            context.token("m", f"{number} ")

    serve(work=work)
    thread = client.thread(thread_id)
    thread.ensure()
    heard: list[str] = []

    def listen() -> None:
        for event in thread.events(after=0, until_stop=True):
            if isinstance(event, cairn.events.MessageToken):
                heard.append(event.text)

    listener = threading.Thread(target=listen)
    listener.start()
    time.sleep(0.3)  # Until it listens.
    assert thread.run({}, graph=one("log: append")).status == "done"
    listener.join(20)
    assert "".join(heard) == "".join(f"{number} " for number in range(told))


def test_takes_and_gives_what_no_message_could_carry(
    client: cairn.Client, serve: Serve, one: One, thread_id: str
) -> None:
    serve(work=lambda state: {"text": state["text"].replace("a", "b")})
    outcome = client.thread(thread_id).run({"text": "a" * (5 << 20)}, graph=one("text: last_value"))
    assert outcome.state.values["text"] == "b" * (5 << 20)


@pytest.mark.parametrize("persistence", ["PER_CALL", "STATELESS"])
def test_is_that_of_graphs_within_graphs(
    client: cairn.Client, serve: Serve, register: Register, thread_id: str, persistence: str
) -> None:
    serve(
        inner=lambda state, context: {"log": ["inner" if context.namespace else "outer"]},
        leave=lambda state: cairn.Command(update={"log": ["left"]}, goto="end", graph="parent"),
    )
    inner = (
        "{ name: inner, channels: { log: append }, nodes: { inner: { worker: {} }, leave: { worker: {} } },"
        " edges: [START -> inner, inner -> leave] }"
    )
    subgraph = f"{{ persistence: SUBGRAPH_PERSISTENCE_{persistence}, inline: {inner} }}"
    graph = register(
        channels="log: append",
        nodes=f"sub: {{ subgraph: {subgraph}, ends: [end] }}, end: {{ worker: {{ handler: inner }} }}",
        edges="START -> sub",
    )
    outcome = client.thread(thread_id).run({}, graph=graph)
    assert (outcome.status, outcome.state.values) == ("done", {"log": ["left", "outer"]})


def test_runs_no_more_at_a_time_than_there_are_slots(
    client: cairn.Client, serve: Serve, register: Register, thread_id: str
) -> None:
    lock, at_work, most = threading.Lock(), 0, 0

    def each(n: int) -> dict[str, object]:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.05)
        with lock:
            at_work -= 1
        return {"log": [n]}

    serve(each=each, slots=3)
    graph = register(
        channels="log: append",
        nodes="each: { worker: {} }",
        edges="",
        more='branches: [{ from: START, cel: \'[1,2,3,4,5,6,7,8].map(n, {"node": "each", "arg": n})\' }]',
    )
    assert client.thread(thread_id).run({}, graph=graph).state.values["log"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert most == 3


async def test_serves_within_a_loop_that_is_there(
    aclient: cairn.AsyncClient, client: cairn.Client, one: One, thread_id: str
) -> None:
    worker = aclient.worker(id=f"worker of {thread_id}")

    @worker.node
    async def work(state: dict[str, Any]) -> dict[str, object]:
        await asyncio.sleep(0)
        return {"log": ["from the loop"]}

    graph = await asyncio.to_thread(one, "log: append")
    serving = asyncio.ensure_future(worker.serve())
    outcome = await aclient.thread(thread_id).run({}, graph=graph)
    assert outcome.state.values == {"log": ["from the loop"]}
    workers = (await aclient.call(methods.LIST_WORKERS, ListWorkersRequest())).workers
    (listed,) = [listed for listed in workers if listed.worker_id == worker.id]
    assert list(listed.nodes) == ["work"] and listed.sdk.startswith("cairn-python/")
    worker.stop()
    await asyncio.wait_for(serving, 20)
    with pytest.raises(RuntimeError, match="serves once"):
        await worker.serve()


def test_a_name_is_served_once(client: cairn.Client) -> None:
    worker = client.worker()
    worker.node("work")(lambda state: None)
    with pytest.raises(ValueError, match="'work' already"):
        worker.node("work")(lambda state: None)


def test_a_worker_that_the_server_refuses_ends(client: cairn.Client) -> None:
    with pytest.raises(cairn.CairnError) as refused:
        client.worker().run()
    assert refused.value.reason == "INVALID_FIELD", "it serves nothing"
