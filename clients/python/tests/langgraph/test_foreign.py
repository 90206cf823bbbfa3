"""Checkpoints of other frameworks, and of Cairn's own graphs, read through LangGraph's saver."""

import json
from typing import Any

from serve import Cairn

import cairn
from cairn.langgraph import CairnSaver
from cairn.langgraph.places import Place
from cairn.v1.checkpoint_pb2 import ORIGIN_JUNCTURE, VALUES_LAYOUT_CHANNELS, Checkpoint, PendingTask
from cairn.v1.value_pb2 import NameSet, TypedValue, Version, VersionMap

GRAPH = """
name: count
channels: { n: last_value }
nodes: { add: { expression: { update: { n: state.n + 1 } } } }
edges: [ START -> add ]
"""


def test_what_a_graph_of_cairn_wrote_is_read_and_says_what_has_no_place(
    client: cairn.Client, server: Cairn, thread_id: str
) -> None:
    client.graphs.register(GRAPH)
    client.thread(thread_id).run({"n": 1}, graph="count")
    with CairnSaver(server.address) as saver:
        read = saver.get_tuple(Place(thread_id, "").config)
        listed = list(saver.list(Place(thread_id, "").config))
    assert read is not None
    assert read.checkpoint["channel_values"]["n"] == 2
    assert (read.metadata["source"], read.metadata["step"], read.pending_writes) == ("loop", 1, [])
    assert dict(read.metadata)["cairn_origin"] == "native"
    assert dict(read.metadata)["cairn_left_out"] == [
        "phase",
        "created_at_ms",
        "graph_name",
        "graph_hash",
        "schema_version",
        "new_versions",
        "current_node",
    ]
    first: dict[str, Any] = dict(listed[-1].metadata)
    assert 'channel_values["__start__"]' in first["cairn_left_out"]
    assert listed[0].metadata == read.metadata


def test_what_juncture_wrote_is_named_field_by_field(client: cairn.Client, server: Cairn, thread_id: str) -> None:
    checkpoint = Checkpoint(
        id="1",
        thread_id=thread_id,
        origin=ORIGIN_JUNCTURE,
        values_layout=VALUES_LAYOUT_CHANNELS,
        step=3,
        schema_version=2,
        new_versions=VersionMap(versions={"n": Version(uint64_value=1)}),
        pending_tasks=[PendingTask(id="t", node="add")],
        barrier_state={"both": NameSet(names=["a"])},
        metadata=json.dumps({"source": "Loop", "writes": {"add": 1}}).encode(),
        extra={"colour": b'"red"', "!absent v": b""},
    )
    client.checkpoint_store.put(checkpoint, {"n": TypedValue(type="json", data=b"7")})
    with CairnSaver(server.address) as saver:
        read = saver.get_tuple(Place(thread_id, "").config)
    assert read is not None
    assert read.checkpoint["channel_values"] == {"n": 7}
    assert "colour" not in read.checkpoint
    assert dict(read.metadata) == {
        "source": "Loop",
        "writes": {"add": 1},
        "step": 3,
        "parents": {},
        "cairn_origin": "juncture",
        "cairn_left_out": ["schema_version", "new_versions", "pending_tasks", "barrier_state", 'extra["colour"]'],
    }
