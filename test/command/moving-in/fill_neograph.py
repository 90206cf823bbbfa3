"""Fills a file with NeoGraph's SqliteCheckpointStore, or compares it with what Cairn has: fill_neograph.py FILE [ADDRESS]"""

import json
import sys
from typing import Any

import neograph_engine as ng

THREADS = ("first", "second")
WRITE = (
    "task_id",
    "task_path",
    "node_name",
    "writes",
    "command",
    "sends",
    "step",
    "timestamp",
)


class Count(ng.GraphNode):  # type: ignore[misc]
    def get_name(self) -> str:
        return "count"

    def run(self, given: Any) -> list[Any]:
        return [
            ng.ChannelWrite("n", (given.state.get("n") or 0) + 1),
            ng.ChannelWrite("log", [{"x": -0.0, "y": None}]),
        ]


def fill(file: str) -> None:
    store = ng.SqliteCheckpointStore(file)
    ng.NodeFactory.register_type("count", lambda name, config, context: Count())
    channels = {"n": {"reducer": "overwrite"}, "log": {"reducer": "append"}}
    edges = [
        {"from": "__start__", "to": "count"},
        {"from": "count", "to": "again"},
        {"from": "again", "to": "__end__"},
    ]
    nodes = {"count": {"type": "count"}, "again": {"type": "count"}}
    graph = {
        "schema_version": 1,
        "name": "counter",
        "channels": channels,
        "nodes": nodes,
        "edges": edges,
    }
    engine = ng.GraphEngine.compile(graph, ng.NodeContext())
    engine.set_checkpoint_store(store)
    for thread in THREADS:
        config = ng.RunConfig()
        config.thread_id, config.input = thread, {"n": 1, "log": [2**53 + 1]}
        engine.run(config)
        # As after a crash: what one of several tasks has written is kept beside the checkpoint.
        write = ng.PendingWrite()
        write.task_id, write.task_path, write.node_name, write.step, write.timestamp = (
            "task",
            "s1:count",
            "count",
            1,
            7,
        )
        write.writes = [{"channel": "n", "value": 2**53 + 1}]
        write.sends = [{"node": "again", "value": {"x": 1.0}}]
        store.put_writes(thread, store.load_latest(thread).id, write)


def told(checkpoint: Any) -> dict[str, Any]:
    names = (
        "id",
        "thread_id",
        "parent_id",
        "current_node",
        "next_nodes",
        "barrier_state",
        "metadata",
        "step",
    )
    said = {
        name: getattr(checkpoint, name)
        for name in (*names, "timestamp", "schema_version", "channel_values")
    }
    return json.loads(
        json.dumps({**said, "phase": str(checkpoint.interrupt_phase)}, default=str)
    )  # type: ignore[no-any-return]


def compare(file: str, address: str) -> int:
    from cairn.neograph import CairnCheckpointStore

    count = 0
    theirs = ng.SqliteCheckpointStore(file)
    with CairnCheckpointStore(address) as ours:
        for thread in THREADS:
            listed = theirs.list(thread, 1000)
            assert [told(each) for each in ours.list(thread, 1000)] == [
                told(each) for each in listed
            ]
            assert told(ours.load_latest(thread)) == told(theirs.load_latest(thread))
            latest = listed[0].id
            written = [
                [repr(getattr(write, name)) for name in WRITE]
                for write in theirs.get_writes(thread, latest)
            ]
            found = [
                [repr(getattr(write, name)) for name in WRITE]
                for write in ours.get_writes(thread, latest)
            ]
            assert written == found and len(found) == 1, (written, found)
            count += len(listed)
    return count


if len(sys.argv) == 2:
    fill(sys.argv[1])
else:
    print(compare(*sys.argv[1:]))
