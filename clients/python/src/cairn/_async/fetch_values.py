"""Downloads values by reference."""

from collections.abc import Iterable

from cairn import methods
from cairn._async.transport import AsyncTransport
from cairn.checkpoints.upload import Download
from cairn.v1.checkpoint_service_pb2 import GetValuesRequest
from cairn.values.typed import EncodedValue


async def fetch_values(
    transport: AsyncTransport, thread_id: str, refs: Iterable[str], timeout: float | None = None
) -> dict[str, EncodedValue]:
    """Values of a thread by reference, each checked by its checksum.

    Raises NOT_FOUND (VALUE_NOT_FOUND), DATA_LOSS (VALUE_CHECKSUM).
    """
    download = Download()
    request = GetValuesRequest(thread_id=thread_id, refs=refs)
    async for response in transport.server_stream(methods.GET_VALUES, request, timeout):
        download.add(response)
    download.finish()
    return download.values
