"""Compares a thread store of LangGraph's with what Cairn has of it, and runs on what waits:
compare_langgraph.py sqlite FILE | mongodb URI DATABASE | postgres URI, then ADDRESS SPACE. Prints how many checkpoints are the same."""

import sys
from typing import Any

from cairn.langgraph import CairnSaver
from fill_langgraph import graphs
from langgraph.types import Command


def compare(theirs: Any, ours: CairnSaver) -> int:
    count = 0
    for expected in theirs.list(None):
        configurable = expected.config["configurable"]
        found = ours.get_tuple({"configurable": configurable})
        assert found is not None, configurable
        for name in ("config", "checkpoint", "metadata", "parent_config"):
            assert getattr(found, name) == getattr(expected, name), (configurable, name)
        key = lambda write: (write[0], write[1], repr(write[2]))
        assert sorted(found.pending_writes, key=key) == sorted(
            expected.pending_writes, key=key
        ), configurable
        count += 1
    return count


def run_on(saver: CairnSaver) -> str:
    graph = graphs(saver)
    config = {"configurable": {"thread_id": "waiting"}}
    [asked] = graph.get_state(config).interrupts
    assert asked.value == {"ok?": 2**63}
    answer: str = graph.invoke(Command(resume="at last"), config)["answer"]
    return answer


kind, *location, address, space = sys.argv[1:]
with CairnSaver(address, space=space) as ours:
    if kind == "sqlite":
        from langgraph.checkpoint.sqlite import SqliteSaver

        with SqliteSaver.from_conn_string(*location) as theirs:
            count = compare(theirs, ours)
    elif kind == "postgres":
        from langgraph.checkpoint.postgres import PostgresSaver

        with PostgresSaver.from_conn_string(*location) as theirs:
            count = compare(theirs, ours)
    else:
        from langgraph.checkpoint.mongodb import MongoDBSaver

        with MongoDBSaver.from_conn_string(*location) as theirs:
            count = compare(theirs, ours)
    print(count, run_on(ours))
