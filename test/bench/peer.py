"""Runs the graph of graphs/line.yaml on LangGraph in this process, for as long as it is told to.

    peer.py none|memory|sqlite|mongodb [MONGODB_URI]

Every line of its input is `CALLERS SECONDS`; it answers each with a line of JSON about that many threads running the
graph again and again, each on a thread of its own. Latencies are those of a whole run, in milliseconds.
"""

import json
import operator
import os
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph

WARM_UP_SECONDS = 1


class State(TypedDict):
    note: str
    text: str
    count: Annotated[int, operator.add]


def line(saver):
    def node(name: str, more: dict):
        return lambda state: {"text": f"{state['note']}{name}{state['count']}", **more}

    graph = StateGraph(State)
    graph.add_node("a", node("a", {"count": 1}))
    graph.add_node("b", node("b", {}))
    graph.add_node("c", node("c", {}))
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    graph.add_edge("b", "c")
    graph.add_conditional_edges("c", lambda state: END if state["count"] % 10 == 0 else "a")
    return graph.compile(checkpointer=saver)


def saver_of(kind: str, uri: str):
    """A saver, and what frees it."""
    if kind == "none":
        return None, lambda: None
    if kind == "memory":
        from langgraph.checkpoint.memory import InMemorySaver

        return InMemorySaver(), lambda: None
    if kind == "sqlite":
        from langgraph.checkpoint.sqlite import SqliteSaver

        folder = tempfile.TemporaryDirectory()
        opened = SqliteSaver.from_conn_string(os.path.join(folder.name, "checkpoints.db"))
        return opened.__enter__(), lambda: (opened.__exit__(None, None, None), folder.cleanup())
    from langgraph.checkpoint.mongodb import MongoDBSaver
    from pymongo import MongoClient

    client = MongoClient(uri, w="majority", journal=True)
    name = f"bench_langgraph_{uuid.uuid4().hex[:8]}"
    return MongoDBSaver(client, name), lambda: client.drop_database(name)


def call(graph, thread: str, begin: float, end: float) -> tuple[int, list[float]]:
    """Calls of one caller, also those of the warm-up, and the latencies of those that count."""
    config = {"configurable": {"thread_id": thread}, "recursion_limit": 100}
    note = os.urandom(512).hex()
    # "sync": a step is saved before the next one begins, as Cairn does it.
    how = {"durability": "sync"} if graph.checkpointer else {}
    calls, latencies = 0, []
    # Where a run takes longer than all of that, its first one still counts.
    while (sent := time.perf_counter()) < end or not latencies:
        graph.invoke({"note": note}, config, **how)
        calls += 1
        if sent >= begin:
            latencies.append((time.perf_counter() - sent) * 1e3)
    return calls, latencies


def measure(graph, callers: int, seconds: float) -> dict:
    begin = time.perf_counter() + WARM_UP_SECONDS
    before = time.process_time()
    with ThreadPoolExecutor(callers) as pool:
        seen = list(pool.map(lambda i: call(graph, f"{callers} {i}", begin, begin + seconds), range(callers)))
    cpu = (time.process_time() - before) * 1e3
    calls = sum(count for count, _ in seen)
    latencies = sorted(latency for _, own in seen for latency in own)
    pace = sum(len(own) / sum(own) * 1e3 for _, own in seen if own)
    at = lambda share: latencies[int((len(latencies) - 1) * share)]
    return {"calls": calls, "perSecond": pace, "p50": at(0.5), "p99": at(0.99), "cpu": cpu / calls}


def main() -> None:
    kind, uri = (sys.argv[1:] + [""])[:2]
    saver, close = saver_of(kind, uri)
    graph = line(saver)
    # How many checkpoints a run makes: what the figures are divided by.
    counted, _ = saver_of("memory", "")
    config = {"configurable": {"thread_id": "first"}, "recursion_limit": 100}
    line(counted).invoke({"note": "x"}, config, durability="sync")
    print(sum(1 for _ in counted.list(config)), flush=True)
    for asked in sys.stdin:
        callers, seconds = asked.split()
        print(json.dumps(measure(graph, int(callers), float(seconds))), flush=True)
    close()


main()
