"""How to run a graph, and what to write to a thread's state, as they go over the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from cairn.names import value_named
from cairn.v1 import run_service_pb2 as pb
from cairn.values.json import encode_json
from cairn.values.typed import Encoding, encode, encode_channels

DurabilityName = Literal["sync", "async", "exit"]
"""When progress becomes durable: each superstep before the next begins, while the next runs, or when the run stops."""

OnBusyName = Literal["reject", "enqueue", "interrupt", "rollback"]
"""What a run does on a thread that another one holds: raise ABORTED (THREAD_BUSY), wait for its turn, cancel the other
one, or cancel and undo it."""


class RunArguments(TypedDict, total=False):
    """How to run a graph. Everything may be left out."""

    graph: str
    """The graph's name. Default: the one the thread last ran."""
    graph_hash: str
    """The graph's content hash. Default: the name's latest."""
    checkpoint_id: str
    """Start from this checkpoint in place of the head: a fork."""
    namespace: str
    """The subgraph that `checkpoint_id` is of. Default: the outermost graph."""
    recursion_limit: int
    """Supersteps allowed in this call. Default 25, at most 10,007."""
    interrupt_before: Sequence[str]
    """Nodes to stop before, in place of the graph's own; `*` means all."""
    interrupt_after: Sequence[str]
    """Nodes to stop after, in place of the graph's own; `*` means all."""
    metadata: Mapping[str, object]
    """Kept as metadata of the run's checkpoints: anything JSON can hold, at most 64 KiB."""
    durability: DurabilityName
    """When progress becomes durable. Default "sync"."""


@dataclass(frozen=True, slots=True)
class AnswersById:
    """Answers to several interrupts by their ids. Made by `by_id`."""

    answers: Mapping[str, object]


def by_id(answers: Mapping[str, object]) -> AnswersById:
    """Names the interrupts that answers are for: `thread.resume(by_id({interrupt.id: "yes"}))`. Others stay open."""
    return AnswersById(answers)


@dataclass(frozen=True, slots=True)
class NodeUpdate:
    """What to write to the state, as which node; by default the one that wrote last."""

    values: Mapping[str, object] | None = None
    as_node: str = ""


def to_run_options(arguments: RunArguments) -> pb.RunOptions:
    """The options of a run as they go over the wire."""
    fields: dict[str, Any] = dict(arguments)
    if "graph" in arguments:
        fields["graph_name"] = fields.pop("graph")
    if "metadata" in arguments:
        fields["metadata"] = metadata_bytes(arguments["metadata"])
    if "durability" in arguments:
        fields["durability"] = value_named(pb.Durability, "durability", arguments["durability"])
    return pb.RunOptions(**fields)


def to_input(values: Mapping[str, object] | None, encoding: Encoding) -> pb.Input | None:
    """An input: None is none ("go on"), an empty one is an input all the same."""
    return None if values is None else pb.Input(values=encode_channels(values, encoding))


def to_on_busy(on_busy: OnBusyName | None) -> pb.OnBusy.ValueType:
    """What to do on a busy thread, as it goes over the wire."""
    found: pb.OnBusy.ValueType = value_named(pb.OnBusy, "on_busy", on_busy)
    return found


def resume_request(answer: object, encoding: Encoding, **fields: Any) -> pb.ResumeRequest:
    """The request that answers one interrupt, or several by their ids."""
    if not isinstance(answer, AnswersById):
        return pb.ResumeRequest(value=encode(answer, encoding, ("answer",)), **fields)
    by_id = {name: encode(value, encoding, ("answers", name)) for name, value in answer.answers.items()}
    return pb.ResumeRequest(answers=pb.AnswersById(by_id=by_id), **fields)


def to_supersteps(supersteps: Sequence[Sequence[NodeUpdate]], encoding: Encoding) -> list[pb.BulkSuperstep]:
    """Supersteps of updates as they go over the wire."""
    return [
        pb.BulkSuperstep(
            updates=[
                pb.StateUpdate(values=to_input(update.values, encoding), as_node=update.as_node) for update in updates
            ]
        )
        for updates in supersteps
    ]


def metadata_bytes(metadata: Mapping[str, object]) -> bytes:
    """Metadata as JSON. Raises VALUE_MALFORMED for what JSON can't hold."""
    return encode_json(dict(metadata), ("metadata",))
