"""The ids that LangGraph for Python gives to tasks, for those that LangGraph.js has given."""

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

_PULL, _PUSH = "__pregel_pull", "__pregel_push"
_PULL_PATH = re.compile(r"~__pregel_pull, ([^,]+)(, 0{10})?")
_PUSH_PATH = re.compile(r"~__pregel_push, (\d{10})(, 0{10})?")


def own_task_ids(checkpoint: Mapping[str, Any], namespace: str, step: int | None) -> Callable[[str, str], str]:
    """What a task's id, with its path, is here, so that a task that has finished there does not run again.

    Both make their ids from the same things (LangGraph 1.2, `pregel/_algo.py`; LangGraph.js 1.4, `pregel/algo`). Only tasks
    of the outermost graph: other namespaces have ids in their names. What is not certainly the other's stays as it is.
    """

    def own(task_id: str, task_path: str) -> str:
        if namespace or step is None:
            return task_id
        if found := _PULL_PATH.fullmatch(task_path):
            node = found[1]
            triggers = _triggers(checkpoint, node)
            if any(task_id == _theirs(checkpoint["id"], step + 1, node, _PULL, [each]) for each in triggers):
                return _ours(checkpoint["id"], step + 1, node, _PULL, triggers)
        elif found := _PUSH_PATH.fullmatch(task_path):
            index = str(int(found[1]))
            node = _node_of_send(checkpoint, int(index))
            if node is not None and task_id == _theirs(checkpoint["id"], step + 1, node, _PUSH, index):
                return _ours(checkpoint["id"], step + 1, node, _PUSH, [index])
        return task_id

    # A task has several writes.
    return cache(own)


def _triggers(checkpoint: Mapping[str, Any], node: str) -> list[str]:
    """The channels that trigger a node of a StateGraph, as far as they have been written to."""
    ends = f":{node}"
    channels = checkpoint["channel_versions"]
    return sorted(c for c in channels if c == f"branch:to{ends}" or (c.startswith("join:") and c.endswith(ends)))


def _node_of_send(checkpoint: Mapping[str, Any], index: int) -> str | None:
    sends = checkpoint["channel_values"].get("__pregel_tasks")
    if not isinstance(sends, Sequence) or index >= len(sends):
        return None
    node = getattr(sends[index], "node", None)
    return node if isinstance(node, str) else None


def _theirs(checkpoint_id: str, step: int, node: str, kind: str, which: object) -> str:
    parts = [node, str(step), node, kind, which]
    return str(uuid.uuid5(uuid.UUID(checkpoint_id), json.dumps(parts, ensure_ascii=False, separators=(",", ":"))))


def _ours(checkpoint_id: str, step: int, node: str, kind: str, which: Sequence[str]) -> str:
    # LangGraph depends on it; `langgraph-checkpoint` alone, which makes no tasks, does not.
    from xxhash import xxh3_128_hexdigest

    parts = [node, str(step), node, kind, *which]
    digest = xxh3_128_hexdigest(uuid.UUID(checkpoint_id).bytes + "".join(parts).encode())
    return str(uuid.UUID(digest))
