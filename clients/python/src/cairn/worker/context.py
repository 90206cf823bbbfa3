"""What a node is told, and may ask for."""

import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

from cairn.v1 import worker_service_pb2 as pb
from cairn.worker.packed import packed, unpacked

PROGRESS_BYTES_MAX = 64 * 1024
"""The largest custom event, and the largest piece of a message."""

Tell = Callable[[pb.TaskProgress], None]
_current: ContextVar["NodeContext"] = ContextVar("cairn_node")


class Interrupted(BaseException):
    """Raised by `interrupt`; a node must let it pass. No `Exception`, so that a node which catches those does."""

    def __init__(self, index: int, question: object) -> None:
        super().__init__("the node stops for an answer; don't catch this")
        self.index = index
        self.question = question


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeContext:
    """What a node gets as its second argument, if it takes one. Its methods may be called from any thread."""

    params: dict[str, Any]
    """The parameters that the graph gives the node. Whole numbers are `int`s."""
    thread_id: str
    run_id: str
    task_id: str
    node: str
    """The node; of a decision, the one that the edge leaves from."""
    namespace: str
    """Of the graph that the node is of; empty: the outermost."""
    attempt: int
    """Which attempt it is, from 1."""
    cancelled: threading.Event
    """Set when nobody waits for the result any more: the run was cancelled, the time is over, the task was lost. Plain
    functions look at it, or wait on it in place of sleeping; coroutines are cancelled."""
    _decides: bool
    _answers: Sequence[bytes]
    _tell: Tell
    _asked: list[None] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """How many times the node has asked, with the question that it stops for now."""
        return len(self._asked)

    def interrupt(self, question: object) -> Any:
        """Stops for an answer to a question, which is any value.

        The first time it raises `Interrupted`, and the run stops; when the answer is there the node runs again from its
        beginning and this returns it. Several calls are told apart by their order. Raises TypeError in a decision.
        """
        if self._decides:
            raise TypeError("a conditional edge can't stop for an answer")
        index = len(self._asked)
        self._asked.append(None)
        if index >= len(self._answers):
            raise Interrupted(index, question)
        return unpacked(self._answers[index])

    def emit(self, value: object) -> None:
        """Tells readers of the thread's events something, at once and without keeping it.

        Raises ValueError above 64 KiB, INVALID_ARGUMENT (VALUE_MALFORMED) for what can't be encoded.
        """
        self._tell(pb.TaskProgress(custom=_checked(packed(value, ("emit",)))))

    def token(self, message_id: str, text: str) -> None:
        """Tells them a piece of a message that is on its way. Raises ValueError above 64 KiB."""
        _checked(text.encode())
        self._tell(pb.TaskProgress(token=pb.TokenPiece(message_id=message_id, text=text)))

    def alive(self) -> None:
        """A sign of life for the node's idle timeout, as what it tells is too."""
        self._tell(pb.TaskProgress())

    def enter(self) -> None:
        """Makes it the one that `interrupt` finds, from here on in this context of `contextvars`."""
        _current.set(self)


def interrupt(question: object) -> Any:
    """`NodeContext.interrupt` of the node that this is called in, however deep. Raises RuntimeError outside of one.

    A thread that a node starts by itself is outside, unless it runs in a copy of the node's `contextvars`.
    """
    context = _current.get(None)
    if context is None:
        raise RuntimeError("interrupt is for code that a worker runs")
    return context.interrupt(question)


def context_of(task: pb.Task, answers: Sequence[bytes], *, cancelled: threading.Event, tell: Tell) -> NodeContext:
    """The context of one task."""
    return NodeContext(
        params=_members(task.params),
        thread_id=task.lease.thread_id,
        run_id=task.run_id,
        task_id=task.lease.task_id,
        node=task.node,
        namespace=task.namespace,
        attempt=task.attempt,
        cancelled=cancelled,
        _decides=task.kind == pb.TASK_KIND_DECISION,
        _answers=answers,
        _tell=tell,
    )


def _members(struct: Struct) -> dict[str, Any]:
    return {name: _plain(value) for name, value in struct.fields.items()}


def _plain(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _members(value.struct_value)
        case "list_value":
            return [_plain(element) for element in value.list_value.values]
        case "number_value":
            # A Struct has doubles only: 2 in a graph file came as 2.0.
            return int(value.number_value) if value.number_value.is_integer() else value.number_value
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _checked(data: bytes) -> bytes:
    if len(data) > PROGRESS_BYTES_MAX:
        raise ValueError(f"what a node tells has at most {PROGRESS_BYTES_MAX} bytes, not {len(data)}")
    return data
