"""NeoGraph's checkpoint store on Cairn."""

from collections.abc import Sequence
from types import TracebackType

import grpc
import neograph_engine as ng
from typing_extensions import Self, Unpack

from cairn import methods
from cairn._sync.client import Client
from cairn.errors import CairnError
from cairn.neograph import methods as neograph
from cairn.neograph.documents import checkpoint_from_json, checkpoint_to_json, write_from_json, write_to_json
from cairn.neograph.v1 import checkpoint_service_pb2 as pb
from cairn.options import DEFAULT_ADDRESS, ConnectArguments
from cairn.v1 import checkpoint_pb2, value_pb2
from cairn.v1 import checkpoint_service_pb2 as calls

# A record of pending writes is kept whole, in a value of this type.
WRITE_TYPE = "neograph.pending_write"
LIST_LIMIT = 100


class CairnCheckpointStore(ng.CheckpointStore):  # type: ignore[misc]
    """Keeps NeoGraph's checkpoints in a Cairn server: `engine.set_checkpoint_store(CairnCheckpointStore("localhost:50051"))`.

    The latest checkpoint of a thread is the one that was saved last; saving an id again replaces it. Values belong to their
    checkpoint: no version names them, so that a second run on a thread reads what it wrote. Pending writes are kept until
    they are cleared. Two runs at once on one thread overwrite each other, as on NeoGraph's own stores.

    One store serves any number of engines and threads. Nothing is sent until the first call. `cairn.ConnectOptions` has the
    other options. Methods raise `CairnError`, and `ValueError` for a state that JSON has no form for (NaN, infinity).
    """

    def __init__(self, address: str = DEFAULT_ADDRESS, **options: Unpack[ConnectArguments]) -> None:
        super().__init__()
        self._client = Client(address, **options)

    def save(self, checkpoint: ng.Checkpoint) -> None:
        """Saves a checkpoint, which becomes its thread's latest."""
        blob = pb.CheckpointBlob(
            id=checkpoint.id, thread_id=checkpoint.thread_id, checkpoint_json=checkpoint_to_json(checkpoint)
        )
        self._client.call(neograph.SAVE, pb.SaveCheckpointRequest(checkpoint=blob))

    def load_latest(self, thread_id: str) -> ng.Checkpoint | None:
        """The checkpoint of the thread that was saved last."""
        answer = self._client.call(neograph.LOAD_LATEST, pb.LoadLatestCheckpointRequest(thread_id=thread_id))
        return checkpoint_from_json(answer.checkpoint.checkpoint_json) if answer.found else None

    def load_by_id(self, checkpoint_id: str) -> ng.Checkpoint | None:
        """A checkpoint by its id alone. Raises FAILED_PRECONDITION when two threads have one of this id."""
        answer = self._client.call(neograph.LOAD_BY_ID, pb.LoadCheckpointByIdRequest(id=checkpoint_id))
        return checkpoint_from_json(answer.checkpoint.checkpoint_json) if answer.found else None

    def list(self, thread_id: str, limit: int = LIST_LIMIT) -> Sequence[ng.Checkpoint]:
        """Checkpoints of the thread, the one saved last first; at most `limit`."""
        if limit <= 0:
            return []
        request = pb.ListCheckpointsRequest(thread_id=thread_id, limit=limit)
        answer = self._client.call(neograph.LIST, request)
        return [checkpoint_from_json(one.checkpoint_json) for one in answer.checkpoints]

    def delete_thread(self, thread_id: str) -> None:
        """Deletes the thread with its pending writes. One that does not exist is a success."""
        self._client.call(neograph.DELETE_THREAD, pb.DeleteThreadCheckpointsRequest(thread_id=thread_id))

    def put_writes(self, thread_id: str, parent_checkpoint_id: str, write: ng.PendingWrite) -> None:
        """Keeps what one task wrote after a checkpoint. Of a task's records the first is kept."""
        data = write_to_json(write).encode()
        kept = checkpoint_pb2.PendingWrite(
            task_id=write.task_id,
            task_path=write.task_path,
            value=value_pb2.Value(inline=value_pb2.TypedValue(type=WRITE_TYPE, data=data)),
        )
        beside = calls.CheckpointWrites(checkpoint_id=parent_checkpoint_id, writes=[kept])
        self._client.call(methods.PUT_WRITES, calls.PutWritesRequest(thread_id=thread_id, writes=beside))

    def get_writes(self, thread_id: str, parent_checkpoint_id: str) -> Sequence[ng.PendingWrite]:
        """What tasks wrote after a checkpoint, in the order of their paths."""
        request = calls.GetCheckpointRequest(thread_id=thread_id, checkpoint_id=parent_checkpoint_id)
        try:
            answer = self._client.call(methods.GET_CHECKPOINT, request)
        except CairnError as error:
            if error.code == grpc.StatusCode.NOT_FOUND:
                return []
            raise
        values = {entry.ref: entry.value.data for entry in answer.values}
        writes = (write.value for write in answer.entry.writes)
        found = [values[value.ref] if value.WhichOneof("source") == "ref" else value.inline.data for value in writes]
        return [write_from_json(data) for data in found]

    def clear_writes(self, thread_id: str, parent_checkpoint_id: str) -> None:
        """Removes what tasks wrote after a checkpoint."""
        request = calls.ClearWritesRequest(thread_id=thread_id, checkpoint_id=parent_checkpoint_id)
        self._client.call(methods.CLEAR_WRITES, request)

    def requires_managed_budget(self, thread_id: str) -> bool:
        """Whether runs of the thread need a budget that the store manages: never."""
        return False

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
