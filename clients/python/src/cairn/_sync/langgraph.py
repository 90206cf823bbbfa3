# Generated of _async/langgraph.py by scripts/generate.py.
"""What LangGraph's checkpointer does, as calls of Cairn's. `cairn.langgraph.saver` has both of its kinds."""

from collections.abc import Iterable, Sequence
from typing import Any

import grpc
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint as LangGraphCheckpoint
from langgraph.checkpoint.base import CheckpointMetadata, CheckpointTuple, DeltaChannelHistory
from langgraph.checkpoint.serde.base import SerializerProtocol

from cairn import methods
from cairn._sync.checkpoint_store import CheckpointStore
from cairn._sync.transport import Transport
from cairn._sync.wire import Stream
from cairn.checkpoints.read_checkpoint import CheckpointQuery, ReadCheckpoint
from cairn.errors import CairnError
from cairn.langgraph.from_wire import to_delta_history, to_tuple
from cairn.langgraph.memory import SaverMemory
from cairn.langgraph.places import Place
from cairn.langgraph.to_wire import to_checkpoint, to_metadata, to_values, to_writes
from cairn.langgraph.versions import from_version_map
from cairn.v1 import checkpoint_service_pb2 as pb
from cairn.v1 import thread_service_pb2 as thread_pb

_RUNS_MAX = 1_000
"""Runs that one call deletes."""
_PAGE_SIZE_MAX = 500


class SaverCalls:
    """The calls of one saver on one connection."""

    def __init__(self, transport: Transport, memory: SaverMemory) -> None:
        self._transport = transport
        self._memory = memory
        self._store = CheckpointStore(transport, memory.held)

    def get_tuple(self, serde: SerializerProtocol, config: RunnableConfig) -> CheckpointTuple | None:
        place = Place.of(config)
        read = self._read(place)
        if place.checkpoint_id is None:
            self._memory.heads.read_latest(place, None if read is None else read.checkpoint.id)
        else:
            self._memory.heads.read_by_id(place)
        return None if read is None else to_tuple(serde, read)

    def list(
        self,
        serde: SerializerProtocol,
        config: RunnableConfig | None,
        filter: dict[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> Stream[CheckpointTuple]:
        if limit is not None and limit <= 0:
            return
        configurable = {} if config is None else config["configurable"]
        if configurable.get("checkpoint_id"):
            found = self._one_of_list(Place.of({"configurable": configurable}), filter)
            if found is not None:
                yield to_tuple(serde, found)
            return
        before_id = None if before is None else before["configurable"].get("checkpoint_id")
        query = CheckpointQuery(
            namespace=configurable.get("checkpoint_ns"),
            before=before_id,
            metadata=filter,
            # What comes first was saved last. A bound may be a checkpoint of another namespace: then ids say what is before.
            order=pb.CHECKPOINT_ORDER_SEQ if before_id is None else pb.CHECKPOINT_ORDER_ID,
        )
        thread_id = configurable.get("thread_id")
        pages = self._store.list(
            None if thread_id is None else str(thread_id),
            query,
            page_size=0 if limit is None else min(limit, _PAGE_SIZE_MAX),
        )
        count = 0
        for read in pages:
            yield to_tuple(serde, read)
            count += 1
            if count == limit:
                return

    def put(
        self,
        serde: SerializerProtocol,
        config: RunnableConfig,
        checkpoint: LangGraphCheckpoint,
        metadata: CheckpointMetadata,
    ) -> RunnableConfig:
        parent = Place.of(config)
        kept_metadata = to_metadata(config, metadata)
        message = to_checkpoint(parent, checkpoint, kept_metadata)
        values, versions = checkpoint["channel_values"], checkpoint["channel_versions"]
        unchanged = self._memory.refs.unchanged(parent, versions)
        refs = {channel: ref for channel, ref in unchanged.items() if channel in values}
        must_be_head = self._memory.refuses_second_run and self._memory.heads.must_be_head(
            parent, message.id, kept_metadata.get("source")
        )
        expected = pb.ExpectedHead(checkpoint_id=parent.checkpoint_id) if must_be_head else None

        def send(refs: dict[str, str]) -> pb.PutCheckpointResponse:
            whole = to_values(serde, values, [name for name in values if name not in refs])
            return self._store.put(message, whole, refs=refs, expected_head=expected)

        try:
            response = send(refs)
        except CairnError as error:
            if not refs or error.reason != "VALUE_NOT_FOUND":
                raise
            self._memory.refs.forget(parent)
            response = send({})
        place = parent.at(message.id)
        self._memory.refs.set(place, versions, response.value_refs)
        if must_be_head:
            self._memory.heads.saved(parent, message.id)
        return place.config

    def put_writes(
        self,
        serde: SerializerProtocol,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> None:
        place = Place.of(config)
        if writes:
            self._store.put_writes(place.thread_id, to_writes(serde, place, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        self._transport.unary(methods.DELETE_THREAD, thread_pb.DeleteThreadRequest(thread_id=str(thread_id)))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        for at in range(0, len(run_ids), _RUNS_MAX):
            request = pb.DeleteRunsRequest(run_ids=[str(run_id) for run_id in run_ids[at : at + _RUNS_MAX]])
            self._transport.unary(methods.DELETE_RUNS, request)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        request = thread_pb.CopyThreadRequest(thread_id=str(source_thread_id), new_thread_id=str(target_thread_id))
        self._transport.unary(methods.COPY_THREAD, request)

    def prune(self, thread_ids: Iterable[str], strategy: str) -> None:
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"strategy is 'keep_latest' or 'delete', not {strategy!r}")
        for thread_id in thread_ids:
            if strategy == "delete":
                self.delete_thread(thread_id)
            else:
                self._keep_latest(str(thread_id))

    def get_delta_channel_history(
        self, serde: SerializerProtocol, config: RunnableConfig, channels: Sequence[str]
    ) -> dict[str, DeltaChannelHistory]:
        if not channels:
            return {}
        place = Place.of(config)
        try:
            found, values = self._store.channel_history(
                place.thread_id, channels, namespace=place.namespace, checkpoint_id=place.checkpoint_id
            )
        except CairnError as error:
            if error.code is not grpc.StatusCode.NOT_FOUND:
                raise
            return {channel: DeltaChannelHistory(writes=[]) for channel in channels}
        return {channel: to_delta_history(serde, channel, found[channel], values) for channel in channels}

    def close(self) -> None:
        self._transport.wire.close()

    def _read(self, place: Place) -> ReadCheckpoint | None:
        try:
            read = self._store.get(place.thread_id, namespace=place.namespace, checkpoint_id=place.checkpoint_id)
        except CairnError as error:
            if error.code is grpc.StatusCode.NOT_FOUND:
                return None
            raise
        refs = {channel: value.ref for channel, value in read.checkpoint.channel_values.items()}
        versions = from_version_map(read.checkpoint.channel_versions)
        self._memory.refs.set(place.at(read.checkpoint.id), versions, refs)
        return read

    def _one_of_list(self, place: Place, filter: dict[str, Any] | None) -> ReadCheckpoint | None:
        """The checkpoint that a list names by its id, if it matches the filter."""
        query = CheckpointQuery(namespace=place.namespace, ancestors_of=place.checkpoint_id, metadata=filter)
        try:
            for read in self._store.list(place.thread_id, query, page_size=1):
                return read if read.checkpoint.id == place.checkpoint_id else None
        except CairnError as error:
            if error.code is not grpc.StatusCode.NOT_FOUND:
                raise
        return None

    def _keep_latest(self, thread_id: str) -> None:
        request = thread_pb.PruneThreadsRequest(thread_ids=[thread_id], keep=1)
        try:
            self._transport.unary(methods.PRUNE_THREADS, request)
        except CairnError as error:
            if error.reason != "THREAD_NOT_FOUND":
                raise
