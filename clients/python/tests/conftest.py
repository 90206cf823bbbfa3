"""What the tests share: one server, and clients of it with and without asyncio."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from serve import Cairn

import cairn


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cairn]:
    started = Cairn(tmp_path_factory.mktemp("cairn"))
    try:
        yield started
    finally:
        code = started.stop()
    assert code == 0


@pytest.fixture
def client(server: Cairn) -> Iterator[cairn.Client]:
    with cairn.Client(server.address) as opened:
        yield opened


@pytest.fixture
async def aclient(server: Cairn) -> AsyncIterator[cairn.AsyncClient]:
    async with cairn.AsyncClient(server.address) as opened:
        yield opened


@pytest.fixture
def thread_id() -> str:
    """A thread that nobody has used. Its id shows that ids are opaque."""
    return f"thread/{uuid.uuid4()}: é 😀"
