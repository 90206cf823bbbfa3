"""The real NeoGraph engine on a live server: it runs, asks, crashes half-way, goes on, forks and lists."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import neograph_engine as ng
import pytest
from serve import Cairn

import cairn
from cairn.neograph import CairnCheckpointStore
from cairn.neograph.documents import checkpoint_from_json, checkpoint_to_json

Run = Callable[[Any], dict[str, Any]]
nodes: dict[str, Run] = {}


class Scripted(ng.GraphNode):  # type: ignore[misc]
    """Does what the test has put in `nodes` under its name, and writes what that gives."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def get_name(self) -> str:
        return self._name

    def run(self, input: Any) -> list[ng.ChannelWrite]:
        return [ng.ChannelWrite(channel, value) for channel, value in nodes[self._name](input).items()]


ng.NodeFactory.register_type("scripted", lambda name, config, ctx: Scripted(name))


@pytest.fixture
def store(server: Cairn) -> Iterator[CairnCheckpointStore]:
    with CairnCheckpointStore(server.address) as opened:
        yield opened


@pytest.fixture
def thread() -> str:
    return f"neo {uuid.uuid4()}"


def engine_of(store: ng.CheckpointStore, edges: list[tuple[str, str]], **more: Any) -> ng.GraphEngine:
    names = {name for edge in edges for name in edge} - {"__start__", "__end__"}
    definition = {
        "schema_version": 1,
        "name": "tested",
        "channels": {"log": {"reducer": "append"}, "n": {"reducer": "overwrite"}, "answer": {"reducer": "overwrite"}},
        "nodes": {name: {"type": "scripted"} for name in names},
        "edges": [{"from": source, "to": target} for source, target in edges],
        **more,
    }
    engine = ng.GraphEngine.compile(definition, ng.NodeContext())
    engine.set_checkpoint_store(store)
    return engine


def config(thread: str, given: dict[str, Any] | None = None, *, resume: bool = False) -> ng.RunConfig:
    made = ng.RunConfig()
    made.thread_id = thread
    made.input = given or {}
    made.resume_if_exists = resume
    return made


def found(checkpoint: Any | None) -> Any:
    assert checkpoint is not None
    return checkpoint


def logs(name: str) -> Run:
    return lambda _: {"log": [name]}


def values(state: Any) -> dict[str, Any]:
    return {name: channel["value"] for name, channel in state["channels"].items()}


LINE = [("__start__", "a"), ("a", "b"), ("b", "__end__")]


def test_runs_and_lists(store: CairnCheckpointStore, thread: str) -> None:
    nodes.update(a=logs("a"), b=lambda _: {"log": ["b"], "n": 1.0})
    engine = engine_of(store, LINE)
    engine.run(config(thread))
    assert values(engine.get_state(thread))["log"] == ["a", "b"]
    listed = store.list(thread)
    assert [one.id for one in listed] == [one.id for one in engine.get_state_history(thread)]
    assert listed[0].next_nodes == ["__end__"]
    assert store.list(thread, 1)[0].id == listed[0].id
    assert found(store.load_by_id(listed[-1].id)).current_node == listed[-1].current_node
    assert found(store.load_latest(thread)).id == listed[0].id


def test_a_second_run_reads_what_it_wrote_itself(store: CairnCheckpointStore, thread: str) -> None:
    nodes.update(a=lambda input: {"n": (input.state.get("n") or 0) * 10}, b=logs("b"))
    engine = engine_of(store, LINE)
    for given in (2, 5):
        engine.run(config(thread, {"n": given}))
        assert values(engine.get_state(thread))["n"] == given * 10


def test_asks_and_goes_on_with_the_answer(store: CairnCheckpointStore, thread: str) -> None:
    nodes.update(a=logs("a"), b=logs("b"))
    engine = engine_of(store, LINE, interrupt_before=["b"])
    stopped = engine.run(config(thread))
    assert stopped.interrupted
    assert found(store.load_latest(thread)).interrupt_phase == ng.CheckpointPhase.Before
    ended = engine_of(store, LINE, interrupt_before=["b"]).resume(thread)
    assert not ended.interrupted
    assert values(engine.get_state(thread))["log"] == ["a", "b"]


def test_only_what_failed_runs_again(store: CairnCheckpointStore, thread: str) -> None:
    ran: list[str] = []

    def failing(_: Any) -> dict[str, Any]:
        ran.append("b")
        if ran.count("b") == 1:
            raise RuntimeError("not yet")
        return {"log": ["b"]}

    def working(_: Any) -> dict[str, Any]:
        ran.append("c")
        return {"log": ["c"]}

    nodes.update(a=logs("a"), b=failing, c=working)
    edges = [("__start__", "a"), ("a", "b"), ("a", "c"), ("b", "__end__"), ("c", "__end__")]
    with pytest.raises(RuntimeError, match="not yet"):
        engine_of(store, edges).run(config(thread))
    latest = found(store.load_latest(thread))
    kept = store.get_writes(thread, latest.id)
    assert [(write.node_name, write.writes) for write in kept] == [("c", [{"channel": "log", "value": ["c"]}])]
    engine = engine_of(store, edges)
    engine.resume(thread)
    assert sorted(ran) == ["b", "b", "c"]
    assert sorted(values(engine.get_state(thread))["log"]) == ["a", "b", "c"]
    assert store.get_writes(thread, latest.id) == []


def test_forks_and_updates(store: CairnCheckpointStore, thread: str) -> None:
    nodes.update(a=logs("a"), b=logs("b"))
    engine = engine_of(store, LINE, interrupt_before=["b"])
    engine.run(config(thread))
    fork = f"{thread} fork"
    engine.fork(thread, fork)
    engine.update_state(fork, {"n": 7})
    engine.resume(fork)
    assert values(engine.get_state(fork))["n"] == 7
    assert values(engine.get_state(fork))["log"] == ["a", "b"]
    assert "b" not in values(engine.get_state(thread))["log"]
    forked = store.list(fork)[-1].metadata["forked_from"]
    assert forked["thread_id"] == thread


def test_goes_on_after_the_server_was_killed(tmp_path: Path, thread: str) -> None:
    server = Cairn(tmp_path)
    try:
        nodes.update(a=logs("a"), b=logs("b"))
        with CairnCheckpointStore(server.address) as store:
            engine_of(store, LINE, interrupt_before=["b"]).run(config(thread))
            server.kill()
            server.start()
            engine = engine_of(store, LINE, interrupt_before=["b"])
            engine.resume(thread)
            assert values(engine.get_state(thread))["log"] == ["a", "b"]
    finally:
        server.stop()


def test_deletes_and_finds_nothing(store: CairnCheckpointStore, thread: str) -> None:
    assert store.load_latest(thread) is None
    assert store.load_by_id(thread) is None
    assert store.list(thread) == []
    assert store.get_writes(thread, "c") == []
    nodes.update(a=logs("a"), b=logs("b"))
    engine_of(store, LINE).run(config(thread))
    store.delete_thread(thread)
    store.delete_thread(thread)
    assert store.load_latest(thread) is None
    assert store.list(thread) == []


def test_every_member_comes_back(store: CairnCheckpointStore, thread: str) -> None:
    checkpoint = ng.Checkpoint()
    checkpoint.id, checkpoint.thread_id, checkpoint.parent_id = f"{thread} 1", thread, "p"
    checkpoint.channel_values = {"channels": {"n": {"value": [-0.0, 1.0, 2**63 - 1, None, "é\x00😀"], "version": 3}}}
    checkpoint.channel_versions = None
    checkpoint.metadata = {"deep": [{"er": {}}]}
    checkpoint.current_node, checkpoint.next_nodes = "w[send]", ["b", "b"]
    checkpoint.barrier_state = {"j": set(), "k": {"b", "a"}}
    checkpoint.interrupt_phase = ng.CheckpointPhase.NodeInterrupt
    checkpoint.step, checkpoint.timestamp, checkpoint.schema_version = -1, 2**40, 4
    store.save(checkpoint)
    loaded = found(store.load_latest(thread))
    assert json.loads(checkpoint_to_json(loaded)) == json.loads(checkpoint_to_json(checkpoint))
    assert repr(loaded.channel_values["channels"]["n"]["value"][:2]) == "[-0.0, 1.0]"


def test_layout_0_has_the_next_node_that_it_names() -> None:
    old = checkpoint_from_json('{"id":"c","thread_id":"t","channel_values":{},"next_node":"b"}')
    assert old.next_nodes == ["b"]


def test_refuses_what_is_no_json(store: CairnCheckpointStore, thread: str) -> None:
    checkpoint = ng.Checkpoint()
    checkpoint.id, checkpoint.thread_id = f"{thread} 1", thread
    checkpoint.channel_values = {"n": float("nan")}
    with pytest.raises(ValueError, match="no form for"):
        store.save(checkpoint)
    checkpoint.channel_values, checkpoint.schema_version = {}, 5
    with pytest.raises(cairn.CairnError, match="schema_version 5"):
        store.save(checkpoint)
