"""The Python client of Cairn: threads of work that are kept after every step, shared with other languages.

`Client` and `AsyncClient` are the same with and without asyncio. Both give threads (`client.thread("t1")`), which run
graphs, answer their questions and tell what happens.
"""

from cairn import events, methods, values
from cairn._async.checkpoint_store import AsyncCheckpointStore
from cairn._async.client import AsyncClient
from cairn._async.graphs import AsyncGraphs
from cairn._async.thread import AsyncThread
from cairn._async.threads import AsyncThreads
from cairn._sync.checkpoint_store import CheckpointStore
from cairn._sync.client import Client
from cairn._sync.graphs import Graphs
from cairn._sync.thread import Thread
from cairn._sync.threads import Threads
from cairn.checkpoints.read_checkpoint import CheckpointQuery, ReadCheckpoint
from cairn.errors import CairnError, FieldViolation
from cairn.event_query import StreamModeName
from cairn.events import Event, ValueRef
from cairn.options import DEFAULT_ADDRESS, ConnectOptions
from cairn.retry import RetryPolicy
from cairn.run_options import AnswersById, DurabilityName, NodeUpdate, OnBusyName, RunArguments, by_id
from cairn.state import Interrupt, RunFailure, RunOutcome, RunStatusName, TaskState, ThreadState
from cairn.thread_info import (
    GraphInfo,
    MigrationProgress,
    MigrationStep,
    RunInfo,
    ThreadInfo,
    ThreadMigration,
    ThreadStatusName,
)
from cairn.tls import Tls
from cairn.values import EncodedValue, Encoding, Extension, OpaqueValue, decode, encode
from cairn.worker import Command, Goto, Interrupted, NodeContext, Overwrite, Send, Target, Worker, interrupt

__all__ = [
    "DEFAULT_ADDRESS",
    "AnswersById",
    "AsyncCheckpointStore",
    "AsyncClient",
    "AsyncGraphs",
    "AsyncThread",
    "AsyncThreads",
    "CairnError",
    "CheckpointQuery",
    "CheckpointStore",
    "Client",
    "Command",
    "ConnectOptions",
    "DurabilityName",
    "EncodedValue",
    "Encoding",
    "Event",
    "Extension",
    "FieldViolation",
    "Goto",
    "GraphInfo",
    "Graphs",
    "Interrupt",
    "Interrupted",
    "MigrationProgress",
    "MigrationStep",
    "NodeContext",
    "NodeUpdate",
    "OnBusyName",
    "OpaqueValue",
    "Overwrite",
    "ReadCheckpoint",
    "RetryPolicy",
    "RunArguments",
    "RunFailure",
    "RunInfo",
    "RunOutcome",
    "RunStatusName",
    "Send",
    "StreamModeName",
    "Target",
    "TaskState",
    "Thread",
    "ThreadInfo",
    "ThreadMigration",
    "ThreadState",
    "ThreadStatusName",
    "Threads",
    "Tls",
    "ValueRef",
    "Worker",
    "by_id",
    "decode",
    "encode",
    "events",
    "interrupt",
    "methods",
    "values",
]
