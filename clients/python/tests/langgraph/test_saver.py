"""What LangGraph's conformance suite does not ask: what other savers get wrong, through the saver and through graphs."""

import asyncio
import operator
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, TypedDict

import grpc
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt
from serve import Cairn

import cairn
from cairn import methods
from cairn.langgraph import CairnSaver
from cairn.langgraph.places import Place
from cairn.v1.checkpoint_service_pb2 import GetCheckpointRequest


@pytest.fixture
def saver(server: Cairn) -> Iterator[CairnSaver]:
    with CairnSaver(server.address) as opened:
        yield opened


@pytest.fixture
def other(server: Cairn) -> Iterator[CairnSaver]:
    """The saver of another process, which has seen nothing."""
    with CairnSaver(server.address) as opened:
        yield opened


@pytest.fixture
async def asaver(server: Cairn) -> AsyncIterator[CairnSaver]:
    async with CairnSaver(server.address) as opened:
        yield opened


@pytest.fixture
def config(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}


def checkpoint(name: str, *, version: int = 1, **values: Any) -> Checkpoint:
    return {
        **empty_checkpoint(),
        "v": 4,
        "id": name,
        "channel_values": values,
        "channel_versions": dict.fromkeys(values, version),
    }


def put(
    saver: BaseCheckpointSaver[Any], config: RunnableConfig, name: str, *, version: int = 1, **values: Any
) -> RunnableConfig:
    given = checkpoint(name, version=version, **values)
    return saver.put(config, given, {"source": "loop", "step": 1}, given["channel_versions"])


def values_of(saver: BaseCheckpointSaver[Any], config: RunnableConfig) -> dict[str, Any]:
    found = saver.get_tuple(config)
    assert found is not None
    return found.checkpoint["channel_values"]


class Log(TypedDict):
    log: Annotated[list[str], operator.add]


def append_all(state: list[str] | None, writes: list[list[str]]) -> list[str]:
    """Sensitive to order."""
    return [*(state or []), *(item for write in writes for item in write)]


class DeltaLog(TypedDict):
    log: Annotated[list[str], DeltaChannel(append_all)]


def parallel(state_type: type, saver: BaseCheckpointSaver[Any]) -> Any:
    """A graph with six tasks in one superstep."""
    builder: Any = StateGraph(state_type)
    builder.add_node("fan", lambda state: {"log": ["fan"]})
    builder.add_node("work", lambda state: {"log": [state["name"]]})
    builder.add_edge(START, "fan")
    builder.add_conditional_edges("fan", lambda state: [Send("work", {"name": name}) for name in "fbdace"], ["work"])
    builder.add_edge("work", END)
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("state_type", [Log, DeltaLog])
def test_what_parallel_tasks_wrote_reloads_as_it_ran(
    saver: CairnSaver, other: CairnSaver, config: RunnableConfig, state_type: type
) -> None:
    for turn in range(3):
        live = parallel(state_type, saver).invoke({"log": [f"turn {turn}"]}, config)
        assert live["log"][-7:] == ["fan", "f", "b", "d", "a", "c", "e"]
        assert parallel(state_type, other).get_state(config).values == live


async def test_a_delta_channel_reloads_with_asyncio(asaver: CairnSaver, config: RunnableConfig) -> None:
    live = await parallel(DeltaLog, asaver).ainvoke({"log": ["begun"]}, config)
    assert (await parallel(DeltaLog, asaver).aget_state(config)).values == live
    found = await asaver.aget_delta_channel_history(config=config, channels=["log", "none"])
    assert found["none"] == {"writes": []}
    assert found["log"]["writes"][0][2] == ["begun"]
    assert await asaver.aget_delta_channel_history(config=config, channels=[]) == {}


def test_the_history_of_a_delta_channel_replays_its_seeds_writes_and_not_the_targets(
    saver: CairnSaver, config: RunnableConfig
) -> None:
    a = put(saver, config, "a", c="seed")
    saver.put_writes(a, [("c", "2"), ("other", "x")], "task b", "~b")
    saver.put_writes(a, [("c", "1")], "task c", "~a")
    b = put(saver, a, "b")
    saver.put_writes(b, [("c", "3")], "task", "")
    target = put(saver, b, "c")
    saver.put_writes(target, [("c", "not yet")], "task", "")
    history = saver.get_delta_channel_history(config=target, channels=["c"])["c"]
    assert history["seed"] == "seed"
    assert [write[2] for write in history["writes"]] == ["1", "2", "3"]
    # What LangGraph's own walk over the parents finds is the same.
    walked = BaseCheckpointSaver.get_delta_channel_history(saver, config=target, channels=["c"])["c"]
    assert walked == history
    nothing: RunnableConfig = {"configurable": {"thread_id": "nobody's"}}
    assert saver.get_delta_channel_history(config=nothing, channels=["c"]) == {"c": {"writes": []}}


def test_a_delta_channel_is_whole_after_a_prune(saver: CairnSaver, other: CairnSaver, config: RunnableConfig) -> None:
    graph = parallel(DeltaLog, saver)
    live = [graph.invoke({"log": [f"turn {turn}"]}, config) for turn in range(3)][-1]
    saver.prune([config["configurable"]["thread_id"], "nobody's"])
    assert parallel(DeltaLog, other).get_state(config).values == live
    with pytest.raises(ValueError, match="strategy"):
        saver.prune(["t"], strategy="keep_all")


def test_two_forks_of_one_base_with_the_same_version_keep_their_own_values(
    saver: CairnSaver, config: RunnableConfig
) -> None:
    base = put(saver, config, "a", c=["a"])
    forks = {name: put(saver, base, name, version=2, c=["a", name]) for name in ("x", "y")}
    for name, fork in forks.items():
        assert values_of(saver, fork) == {"c": ["a", name]}


@pytest.mark.parametrize("is_known", [True, False])
def test_a_value_that_has_not_changed_is_not_serialized_again(
    server: Cairn, config: RunnableConfig, is_known: bool
) -> None:
    class Counting:
        def __init__(self) -> None:
            self.dumped: list[Any] = []

        def dumps_typed(self, value: Any) -> tuple[str, bytes]:
            self.dumped.append(value)
            return "bytes", value

        def loads_typed(self, data: tuple[str, bytes]) -> Any:
            return data[1]

    serde = Counting()
    with CairnSaver(server.address, serde=serde) as saver:
        parent = put(saver, config, "a", kept=b"kept", changed=b"1")
        if not is_known:
            saver._memory.refs.forget(Place.of(parent))
        serde.dumped.clear()
        following = checkpoint("b", kept=b"kept", changed=b"2")
        following["channel_versions"]["changed"] = 2
        child = saver.put(parent, following, {}, {"changed": 2})
        assert serde.dumped == ([b"2"] if is_known else [b"kept", b"2"])
        assert values_of(saver, child) == {"kept": b"kept", "changed": b"2"}


def test_values_that_the_server_lost_are_sent_whole(
    saver: CairnSaver, other: CairnSaver, config: RunnableConfig, thread_id: str
) -> None:
    parent = put(saver, config, "a", kept="x" * 1000, n=1)
    other.delete_thread(thread_id)
    child = put(saver, parent, "b", kept="x" * 1000, n=1)
    assert values_of(other, child) == {"kept": "x" * 1000, "n": 1}


def test_a_state_of_17_mb(saver: CairnSaver, other: CairnSaver, config: RunnableConfig) -> None:
    text = "é" * (17 * 1024 * 1024 // 2)
    put(saver, config, "a", text=text)
    assert values_of(other, config) == {"text": text}


def test_duplicate_puts_at_once_are_one(saver: CairnSaver, config: RunnableConfig) -> None:
    at: RunnableConfig = {"configurable": {**config["configurable"], "checkpoint_id": "a"}}
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: put(saver, config, "a", c=1), range(64)))
        list(pool.map(lambda _: saver.put_writes(at, [("c", 1)], "t"), range(64)))
    assert [found.checkpoint["id"] for found in saver.list(config)] == ["a"]
    assert [found.pending_writes for found in saver.list(config)] == [[("t", "c", 1)]]


def test_writes_are_decided_one_by_one(saver: CairnSaver, config: RunnableConfig) -> None:
    at = put(saver, config, "a")
    saver.put_writes(at, [], "task")
    saver.put_writes(at, [("c", "first"), ("__error__", "old")], "task", "~a")
    saver.put_writes(at, [("c", "second"), ("__error__", "new"), ("d", "more")], "task", "~b")
    found = saver.get_tuple(at)
    assert found is not None and found.pending_writes is not None
    assert sorted(found.pending_writes) == [("task", "__error__", "new"), ("task", "c", "first"), ("task", "d", "more")]


def test_filters_are_data(saver: CairnSaver, config: RunnableConfig) -> None:
    metadata: list[Any] = [{"a.b": 1, "$where": "x"}, {"a": {"b": 1}, "n": 0.5}, {"a": {"$gt": 0}, "n": 1, "é": None}]
    for index, own in enumerate(metadata):
        own |= {"source": "loop", "step": index}
        saver.put(config, checkpoint(f"c{index}"), own, {})

    def found(**filter: Any) -> list[str]:
        return [each.checkpoint["id"] for each in saver.list(config, filter=filter)]

    assert found(**{"a.b": 1}) == found(**{"$where": "x"}) == ["c0"]
    assert found(a={"b": 1}) == ["c1"]
    assert found(a={"$gt": 0}) == found(n=1.0) == found(é=None) == ["c2"]
    assert found(n=0.5) == ["c1"]
    assert found(step=0.0) == ["c0"]
    assert found(a={"b": {"$ne": 2}}) == []
    assert [each.metadata["step"] for each in saver.list(config)] == [2, 1, 0]


def test_a_list_may_name_its_checkpoint(saver: CairnSaver, config: RunnableConfig) -> None:
    at = config
    for name in ("a", "b", "c"):
        at = put(saver, at, name)
    named: RunnableConfig = {"configurable": {**config["configurable"], "checkpoint_id": "b"}}
    assert [found.checkpoint["id"] for found in saver.list(named)] == ["b"]
    assert list(saver.list(named, filter={"step": 2})) == []
    assert [found.checkpoint["id"] for found in saver.list(config, before=named)] == ["a"]
    assert list(saver.list(config, limit=0)) == []
    missing: RunnableConfig = {"configurable": {**config["configurable"], "checkpoint_id": "z"}}
    assert list(saver.list(missing)) == [] and saver.get_tuple(missing) is None


def barrier_graph(saver: CairnSaver, barrier: threading.Barrier) -> Any:
    """Two runs of it are in its node at once."""

    def wait(state: Log) -> Log:
        barrier.wait(20)
        return {"log": ["done"]}

    builder = StateGraph(Log)
    builder.add_node("wait", wait)
    builder.add_edge(START, "wait")
    builder.add_edge("wait", END)
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("is_new", [True, False])
def test_of_two_runs_at_once_on_a_thread_one_is_refused(
    saver: CairnSaver, other: CairnSaver, config: RunnableConfig, is_new: bool
) -> None:
    if not is_new:
        barrier_graph(saver, threading.Barrier(1)).invoke({"log": ["before"]}, config)
    barrier = threading.Barrier(2)
    graphs = [barrier_graph(saver, barrier), barrier_graph(other, barrier)]

    def run(index: int) -> Any:
        try:
            return graphs[index].invoke({"log": [f"run {index}"]}, config, durability="exit")
        except cairn.CairnError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, range(2)))
    (refused,) = [result for result in results if isinstance(result, cairn.CairnError)]
    (kept,) = [result for result in results if not isinstance(result, cairn.CairnError)]
    assert (refused.code, refused.reason) == (grpc.StatusCode.ABORTED, "HEAD_MISMATCH")
    assert graphs[0].get_state(config).values == kept, "nothing of the one that was told it is kept is gone"


def test_two_runs_at_once_may_be_allowed(server: Cairn, config: RunnableConfig) -> None:
    with CairnSaver(server.address, concurrent_runs="fork") as saver:
        graph = barrier_graph(saver, threading.Barrier(2))
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda i: graph.invoke({"log": [f"run {i}"]}, config, durability="exit"), range(2)))
        assert len(list(saver.list(config, filter={"source": "loop", "step": 1}))) == 2
    with pytest.raises(ValueError, match="concurrent_runs"):
        CairnSaver(server.address, concurrent_runs="wait")  # type: ignore[arg-type]


def asking(saver: BaseCheckpointSaver[Any]) -> Any:
    builder = StateGraph(Log)
    builder.add_node("ask", lambda state: {"log": [interrupt("what?")]})
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=saver)


def test_going_back_and_forking_on_purpose_is_never_refused(saver: CairnSaver, config: RunnableConfig) -> None:
    def travel(graph: Any) -> list[Any]:
        graph.invoke({"log": ["begun"]}, config)
        asked = graph.get_state(config)
        answered = graph.invoke(Command(resume="first"), config)
        replayed = graph.invoke(None, asked.config)
        again = graph.invoke(Command(resume="second"), config)
        forked = graph.update_state(asked.config, {"log": ["changed"]}, as_node="__start__")
        seen = [graph.get_state(forked).values, graph.get_state(config).next]
        return [answered, replayed["log"], again, *seen, [state.values for state in graph.get_state_history(config)]]

    assert travel(asking(saver)) == travel(asking(InMemorySaver()))


def test_a_thread_is_read_and_continued_by_another_process(
    saver: CairnSaver, other: CairnSaver, config: RunnableConfig
) -> None:
    asking(saver).invoke({"log": ["begun"]}, config)
    assert asking(other).invoke(Command(resume="answer"), config)["log"] == ["begun", "answer"]
    assert asking(saver).get_state(config).values["log"] == ["begun", "answer"]


def test_another_savers_thread_may_be_taken_over_and_back(saver: CairnSaver, config: RunnableConfig) -> None:
    """As the guide says it. InMemorySaver's versions are text."""
    memory = InMemorySaver()
    asking(memory).invoke({"log": ["begun"]}, config)

    def move(source: BaseCheckpointSaver[Any], target: BaseCheckpointSaver[Any]) -> None:
        for found in reversed(list(source.list(config))):
            root: RunnableConfig = {"configurable": {**found.config["configurable"], "checkpoint_id": None}}
            target.put(
                found.parent_config or root, found.checkpoint, found.metadata, found.checkpoint["channel_versions"]
            )
            by_task: dict[str, list[tuple[str, Any]]] = {}
            for task_id, channel, value in found.pending_writes or ():
                by_task.setdefault(task_id, []).append((channel, value))
            for task_id, writes in by_task.items():
                target.put_writes(found.config, writes, task_id)

    move(memory, saver)
    assert [found.checkpoint for found in saver.list(config)] == [found.checkpoint for found in memory.list(config)]
    assert asking(saver).invoke(Command(resume="answer"), config)["log"] == ["begun", "answer"]
    back = InMemorySaver()
    move(saver, back)
    assert asking(back).get_state(config).values["log"] == ["begun", "answer"]


def test_versions_of_every_kind_are_kept_and_go_on(saver: CairnSaver, config: RunnableConfig) -> None:
    given = checkpoint("a", i=1, f=2, s=3)
    given["channel_versions"] = {"i": 2**63, "f": 1.5, "s": "00000000000000000000000000000004.0.5", "none": -1}
    given["versions_seen"] = {"node": {"i": 1}, "nothing": {}}
    given["updated_channels"] = ["f", "i"]
    saver.put(config, given, {}, given["channel_versions"])
    found = saver.get_tuple(config)
    assert found is not None and found.checkpoint == given
    assert (saver.get_next_version(None, None), saver.get_next_version(3, None)) == (1, 4)
    after = saver.get_next_version("00000000000000000000000000000004.0.5", None)
    assert isinstance(after, str) and after > "00000000000000000000000000000005"


def test_what_can_not_be_read_is_named(saver: CairnSaver, server: Cairn, config: RunnableConfig) -> None:
    class Own:
        def dumps_typed(self, value: Any) -> tuple[str, bytes]:
            return "own", b"\x00"

        def loads_typed(self, data: tuple[str, bytes]) -> Any:
            return "own"

    with CairnSaver(server.address, serde=Own()) as owner:
        at = put(owner, config, "a", c=1)
        with pytest.raises(ValueError, match="channel 'c' holds a value of type 'own' that can't be read here"):
            saver.get_tuple(config)
        assert values_of(owner, at) == {"c": "own"}, "and stays as it was"


def test_the_server_sees_a_checkpoint_of_langgraphs(
    saver: CairnSaver, client: cairn.Client, config: RunnableConfig, thread_id: str
) -> None:
    parallel(Log, saver).invoke({"log": ["begun"]}, {**config, "metadata": {"customer": "é", "n": 1}})
    read = client.call(methods.GET_CHECKPOINT, GetCheckpointRequest(thread_id=thread_id)).entry.checkpoint
    assert (read.origin, read.source, read.step, read.format_version) == (2, "loop", 2, 4)
    assert read.HasField("updated_channels") and read.HasField("versions_seen")
    assert b'"customer": "\\u00e9"' in read.metadata
    found: list[Any] = [found.metadata for found in saver.list(None, filter={"customer": "é", "step": 2}, limit=1)]
    assert [metadata["n"] for metadata in found] == [1]


def test_a_thread_that_is_not_text_is_its_text(saver: CairnSaver) -> None:
    config: RunnableConfig = {"configurable": {"thread_id": 17, "checkpoint_ns": ""}}
    put(saver, config, "a", c=1)
    assert values_of(saver, {"configurable": {"thread_id": "17"}}) == {"c": 1}


def test_one_saver_serves_many_event_loops(saver: CairnSaver, config: RunnableConfig) -> None:
    async def turn(text: str) -> Any:
        return (await parallel(Log, saver).ainvoke({"log": [text]}, config))["log"][0]

    assert [asyncio.run(turn(f"turn {i}")) for i in range(3)] == ["turn 0"] * 3
    asyncio.run(saver.aclose())
    with pytest.raises(cairn.CairnError, match="closed"):
        saver.get_tuple(config)
