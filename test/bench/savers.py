"""Saves one thread step by step with a saver for LangGraph, in this process: each step one message longer.

    savers.py sqlite STEPS
    savers.py mongodb STEPS MONGODB_URI
    savers.py cairn STEPS ADDRESS [MONGODB_URI, of the database that the server uses]

Prints a line of JSON: latencies in milliseconds, medians; stored bytes a step, if the store can tell. `storage-work.ts`
does the same with Cairn's TypeScript client.
"""

import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base.id import uuid6

MESSAGE_BYTES = 1024
THREADS, CALLERS, THREAD_STEPS = 32, 8, 20


def opened(kind: str, where: list[str]):
    """A saver, what frees it, and what tells how much it has stored."""
    if kind == "cairn":
        from cairn.langgraph import CairnSaver

        saver = CairnSaver(where[0])
        if len(where) == 1:
            return saver, saver.close, lambda: 0
        from pymongo import MongoClient

        database = MongoClient(where[1]).get_default_database()
        return saver, saver.close, lambda: database.command("dbStats")["dataSize"]
    if kind == "sqlite":
        from langgraph.checkpoint.sqlite import SqliteSaver

        folder = tempfile.TemporaryDirectory()
        file = os.path.join(folder.name, "checkpoints.db")
        opening = SqliteSaver.from_conn_string(file)
        saver = opening.__enter__()

        def stored():
            saver.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return os.path.getsize(file)

        return saver, lambda: (opening.__exit__(None, None, None), folder.cleanup()), stored
    from langgraph.checkpoint.mongodb import MongoDBSaver
    from pymongo import MongoClient

    client = MongoClient(where[0], w="majority", journal=True)
    name = f"bench_savers_{uuid.uuid4().hex[:8]}"
    saver = MongoDBSaver(client, name)
    return saver, lambda: client.drop_database(name), lambda: client[name].command("dbStats")["dataSize"]


def save_thread(saver, thread: str, steps: int) -> list[float]:
    """Saves a thread; the latencies of its puts."""
    config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    messages, latencies = [], []
    for step in range(steps):
        messages = [*messages, {"role": "user", "content": os.urandom(MESSAGE_BYTES // 2).hex()}]
        if step > 0:
            saver.put_writes(config, [("messages", [messages[-1]]), ("n", step)], str(uuid.uuid4()))
        version = f"{step + 1:032}.0"
        versions = {"messages": version, "n": version}
        checkpoint = {
            **empty_checkpoint(),
            "id": str(uuid6(clock_seq=step)),
            "channel_values": {"messages": messages, "n": step, "system": "You are kind. " * 40},
            "channel_versions": {**versions, "system": f"{1:032}.0"},
            "versions_seen": {"agent": {"messages": version}},
        }
        new = versions if step > 0 else checkpoint["channel_versions"]
        began = time.perf_counter()
        config = saver.put(config, checkpoint, {"source": "loop", "step": step, "parents": {}}, new)
        latencies.append((time.perf_counter() - began) * 1e3)
    return latencies


def median_ms(act, times: int = 9) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1e3)
    return statistics.median(taken)


def main() -> None:
    kind, steps, where = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    saver, close, stored = opened(kind, where)
    try:
        save_thread(saver, "warm-up", 10)
        before = stored()
        latencies = save_thread(saver, "thread", steps)
        bytes_a_step = (stored() - before) / steps
        tenth = max(1, steps // 10)
        config = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}
        result = {
            "putFirst": statistics.median(latencies[:tenth]),
            "putLast": statistics.median(latencies[-tenth:]),
            "getLatest": median_ms(lambda: saver.get_tuple(config)),
            "page": median_ms(lambda: list(saver.list(config, limit=10))),
            "bytes": bytes_a_step,
        }
        began = time.perf_counter()
        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(lambda i: save_thread(saver, f"thread-{i}", THREAD_STEPS), range(THREADS)))
        result["perSecond"] = THREADS * THREAD_STEPS / (time.perf_counter() - began)
        print(json.dumps(result))
    finally:
        close()


main()
