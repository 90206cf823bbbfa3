"""One checkpoint of each origin with every field set, with the values that are easily lost on the way."""

import hashlib
import uuid
from collections.abc import Callable

from google.protobuf.duration_pb2 import Duration

from cairn.v1 import checkpoint_pb2 as pb
from cairn.v1 import checkpoint_service_pb2 as service_pb
from cairn.v1.value_pb2 import NameList, NameSet, TypedValue, Value, Version, VersionMap, VersionsSeen

U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1
I64_MIN = -(2**63)
I64_MAX = 2**63 - 1

# −0.0, 1.0, a number beyond 2^53, an escaped and a raw non-BMP character, an escaped NUL, keys out of order, spaces.
TRICKY_JSON = '{"z": -0.0, "b":1.0,"a" : 18446744073709551615, "s":"\\ud83d\\ude00 😀 \\u0000 é e\u0301"}'.encode()
# No JSON any more, but the store does not look: a raw NUL, and bytes that are no UTF-8.
NOT_TEXT = b'"\x00" \xff\xfe \xf0\x9f\x98\x80'
# MessagePack: {"n": 2^64-1, "f": -0.0, "e": extension 5}, as LangGraph writes Python's classes.
MSGPACK = bytes.fromhex("83a16ecfffffffffffffffffa166cb8000000000000000a165c70205 0102".replace(" ", ""))
# Members out of order, one of them twice, spaces, a tab and a last newline: kept as they are.
METADATA = b' {"step":1.0,"b":-0.0,\t"a":null, "b":[1, 2.50, "\\u0000"], "\xf0\x9f\x98\x80":{}}\n'
# Names that trip up maps of other languages.
ODD_NAMES = ["", "__proto__", "constructor", "a.b", "$where", "😀", "\ufb01", "e\u0301", "with\nline", "\x00"]


def inline(data: bytes, kind: str = "json") -> Value:
    return Value(inline=TypedValue(type=kind, data=data))


def versions(**extra: Version) -> VersionMap:
    """One of each type, at its ends."""
    return VersionMap(
        versions={
            "int": Version(int64_value=I64_MIN),
            "zero": Version(int64_value=0),
            "uint": Version(uint64_value=U64_MAX),
            "double": Version(double_value=3.5),
            "minus zero": Version(double_value=-0.0),
            "text": Version(string_value="00000000000000000000000000000004.0.5😀"),
            "empty text": Version(string_value=""),
            **extra,
        }
    )


def full(origin: pb.Origin.ValueType, thread: str) -> pb.Checkpoint:
    """Every field set; the origins differ in what is particular to each."""
    name = pb.Origin.Name(origin)
    checkpoint = pb.Checkpoint(
        id=f"{name} checkpoint 😀",
        thread_id=thread,
        namespace="|node:1ef4f797|子:2",
        parent_id="a parent that was never put",
        parents={"": "root's", "|node:1ef4f797": "node's"},
        step=I64_MIN,
        source="loop",
        source_node="who stopped",
        phase=pb.PHASE_COMPLETED,
        created_at="2026-02-30T25:61:00.893586284+00:00",
        created_at_ms=-1,
        run_id="run",
        graph_name="graph",
        graph_hash="0" * 64,
        format_version=U32_MAX,
        schema_version=U32_MAX,
        origin=origin,
        values_layout=pb.VALUES_LAYOUT_CHANNELS,
        channel_values={
            "tricky": inline(TRICKY_JSON),
            "bytes": inline(NOT_TEXT),
            "msgpack": inline(MSGPACK, "msgpack"),
            "null": inline(b"", "null"),
            "own type": inline(b"\x80\x04N.", "pickle"),
            "empty": inline(b"", "bytes"),
            # Over what rides in a log record, and over one part.
            "large": inline(bytes(range(256)) * 5_000, "bytes"),
            **{channel: inline(f'"value of {index}"'.encode()) for index, channel in enumerate(ODD_NAMES)},
        },
        channel_versions=versions(other=Version(int64_value=I64_MAX)),
        versions_seen=VersionsSeen(
            nodes={
                "node": versions(),
                "has seen nothing": VersionMap(),
                "has seen null": VersionMap(is_null=True),
                "__proto__": VersionMap(versions={"__proto__": Version(uint64_value=1)}),
            }
        ),
        new_versions=versions(field_63=Version(uint64_value=U64_MAX - 1)),
        updated_channels=NameList(names=["b", "a", "b", ""]),
        pending_tasks=[
            pb.PendingTask(id="task 1", node="asks", triggers=["branch:to:asks", "tricky"]),
            pb.PendingTask(id="task 2", node="twice", triggers=[""], state_override=inline(TRICKY_JSON)),
        ],
        current_node="w[send]",
        next_nodes=["twice", "asks", "twice", ""],
        pending_sends=[
            pb.Send(
                node="twice",
                value=inline(MSGPACK, "msgpack"),
                source_node="asks",
                timeout=Duration(seconds=315_576_000_000, nanos=999_999_999),
            ),
            pb.Send(node="twice", value=inline(b"", "null")),
        ],
        pending_interrupts=[
            pb.InterruptSignal(
                id="interrupt",
                index=U64_MAX,
                node="asks",
                namespace="|elsewhere",
                value=inline(TRICKY_JSON),
                created_at="2026-01-01T00:00:00.893586284Z",
            ),
            pb.InterruptSignal(id="", index=0, node="", namespace="", value=inline(b"null"), created_at=""),
            pb.InterruptSignal(value=inline(b"0")),
        ],
        barrier_state={"fired": NameSet(), "waits": NameSet(names=["a", "b", "😀"])},
        delta_counters={"log": pb.DeltaCounters(updates=U64_MAX, supersteps=U64_MAX), "quiet": pb.DeltaCounters()},
        subgraph_heads={"node": "the checkpoint it stands at", "": "", "__proto__": "😀"},
        metadata=METADATA,
        extra={"unknown": NOT_TEXT, "empty": b"", "__proto__": b"\x00"},
    )
    PARTICULAR[origin](checkpoint)
    return checkpoint


def _native(checkpoint: pb.Checkpoint) -> None:
    """What is pending in a native one follows from its writes (`writes_for`), so it says what will be read."""
    asks, twice = checkpoint.pending_tasks
    checkpoint.phase = pb.PHASE_NODE_INTERRUPT
    checkpoint.source_node = asks.node
    checkpoint.next_nodes[:] = [asks.node, twice.node]
    del checkpoint.pending_interrupts[1:]
    signal = checkpoint.pending_interrupts[0]
    signal.id = native_interrupt_id(asks.id, checkpoint.namespace, 1)
    signal.index = 1
    signal.namespace = checkpoint.namespace


def _langgraph(checkpoint: pb.Checkpoint) -> None:
    checkpoint.phase = pb.PHASE_UPDATED
    checkpoint.source = "update"
    checkpoint.step = -1


def _juncture(checkpoint: pb.Checkpoint) -> None:
    checkpoint.phase = pb.PHASE_BEFORE
    checkpoint.source = "interrupt"
    checkpoint.values_layout = pb.VALUES_LAYOUT_JSON_OBJECT


def _neograph(checkpoint: pb.Checkpoint) -> None:
    checkpoint.phase = pb.PHASE_AFTER
    checkpoint.values_layout = pb.VALUES_LAYOUT_NEOGRAPH
    checkpoint.schema_version = 4


PARTICULAR: dict[pb.Origin.ValueType, Callable[[pb.Checkpoint], None]] = {
    pb.ORIGIN_NATIVE: _native,
    pb.ORIGIN_LANGGRAPH: _langgraph,
    pb.ORIGIN_JUNCTURE: _juncture,
    pb.ORIGIN_NEOGRAPH: _neograph,
}


def writes_for(checkpoint: pb.Checkpoint) -> service_pb.CheckpointWrites:
    """Pending writes in the order in which they are read: by task path, task id and idx."""
    asks = checkpoint.pending_tasks[0].id
    writes = [
        # The second question of its task, of which the first has been answered.
        pb.PendingWrite(
            task_id=asks,
            task_path="~pull, asks",
            idx=-3,
            channel="__interrupt__",
            value=inline(TRICKY_JSON),
            control_index=1,
            created_at="2026-01-01T00:00:00.893586284Z",
        ),
        pb.PendingWrite(
            task_id="finished", task_path="~push, 1", idx=0, channel="log", value=inline(NOT_TEXT), mode="overwrite"
        ),
        pb.PendingWrite(
            task_id="finished", task_path="~push, 1", idx=2**31 - 1, channel="", value=inline(MSGPACK, "msgpack")
        ),
        pb.PendingWrite(task_id="also finished", task_path="~push, 2", idx=0, channel="log", value=inline(b"", "null")),
    ]
    return service_pb.CheckpointWrites(namespace=checkpoint.namespace, checkpoint_id=checkpoint.id, writes=writes)


def native_interrupt_id(task_id: str, namespace: str, index: int) -> str:
    """The formula of `InterruptSignal.id` in checkpoint.proto."""
    parts = [task_id, namespace, "interrupt", str(index)]
    return str(uuid.UUID(bytes=hashlib.sha256("\0".join(parts).encode()).digest()[:16]))
