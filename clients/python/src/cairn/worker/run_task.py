"""Runs one task: from what the server sent to what it is told."""

import asyncio
import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cairn.errors import CairnError
from cairn.v1 import worker_service_pb2 as pb
from cairn.worker.command import Command, Overwrite, Send
from cairn.worker.context import Interrupted, Tell, context_of
from cairn.worker.node_code import NodeCode, NodeEnded
from cairn.worker.packed import packed, unpacked

_KIND_BYTES_MAX = 256
_MESSAGE_BYTES_MAX = 64 * 1024
# The server keeps so much of it. The end of a traceback says most.
_STACK_BYTES_MAX = 16 * 1024


@dataclass(frozen=True, slots=True)
class Completed:
    """The node returned: an encoded NodeResult."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Asks:
    """The node stops for an answer: an encoded question."""

    index: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The node failed."""

    kind: str
    message: str
    stack: str = ""


Result = Completed | Asks | Failed


async def run_task(
    task: pb.Task, data: bytes, code: NodeCode, *, threads: Executor, cancelled: threading.Event, tell: Tell
) -> Result:
    """What its code raises is a result too."""
    try:
        given = pb.NodeInput.FromString(data)
        context = context_of(task, given.answers, cancelled=cancelled, tell=tell)
        returned = await code.call(_state_of(given), context, threads)
        return Completed(_result_of(task, returned, context.asked).SerializeToString())
    except (Exception, Interrupted, SystemExit, asyncio.CancelledError) as raised:  # noqa: BLE001
        return _ended_by(raised)


def _ended_by(raised: BaseException) -> Result:
    if isinstance(raised, Interrupted):
        try:
            return Asks(raised.index, packed(raised.question, ("interrupt",)))
        except CairnError as refused:
            return _ended_by(refused)
    if isinstance(raised, NodeEnded):
        raised = raised.raised
    message = "".join(traceback.format_exception_only(type(raised), raised)).strip()
    kind = type(raised).__name__
    if isinstance(raised, CairnError) and raised.reason == "VALUE_MALFORMED":
        kind, message = "ValueNotSerializable", raised.message
    stack = "".join(traceback.format_exception(type(raised), raised, raised.__traceback__))
    return Failed(
        _text(_bytes(kind)[:_KIND_BYTES_MAX]),
        _text(_bytes(message)[:_MESSAGE_BYTES_MAX]),
        _text(_bytes(stack)[-_STACK_BYTES_MAX:]),
    )


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


def _text(data: bytes) -> str:
    """Without the character that was cut in two."""
    return data.decode(errors="ignore")


def _state_of(given: pb.NodeInput) -> Any:
    if given.WhichOneof("view") == "argument":
        return unpacked(given.argument)
    return {channel: unpacked(data) for channel, data in given.state.channels.items()}


def _result_of(task: pb.Task, returned: object, asked: int) -> pb.NodeResult:
    if task.kind == pb.TASK_KIND_DECISION:
        return pb.NodeResult(decision=packed(_decision_of(returned), ("decision",)))
    command = returned if isinstance(returned, Command) else Command(_update_of(task.node, returned))
    return pb.NodeResult(
        updates=[_written(channel, value) for channel, value in command.update.items()],
        goto=[_sent(target) if isinstance(target, Send) else pb.NodeTarget(node=target) for target in command.targets],
        to_parent=command.graph == "parent",
        asked=asked,
    )


def _decision_of(returned: object) -> object:
    if isinstance(returned, (list, tuple)):
        return [_decision_of(target) for target in returned]
    return {"node": returned.node, "arg": returned.argument} if isinstance(returned, Send) else returned


def _update_of(node: str, returned: object) -> Mapping[str, object]:
    if returned is None:
        return {}
    if isinstance(returned, Mapping):
        return returned
    raise TypeError(f"{node} must return a dict of updates, a Command or None, not {type(returned).__name__}")


def _written(channel: str, value: object) -> pb.NodeUpdate:
    is_whole = isinstance(value, Overwrite)
    written = value.value if isinstance(value, Overwrite) else value
    return pb.NodeUpdate(channel=channel, value=packed(written, (channel,)), overwrite=is_whole)


def _sent(send: Send) -> pb.NodeTarget:
    target = pb.NodeTarget(node=send.node, argument=packed(send.argument, ("goto", send.node)))
    if send.timeout is not None:
        target.timeout.FromTimedelta(timedelta(seconds=send.timeout))
    return target
