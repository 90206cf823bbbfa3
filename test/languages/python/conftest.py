"""What the tests share: the generated code, and one server."""

import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from generate import generate  # noqa: E402
from serve import Cairn  # noqa: E402


def pytest_configure(config):
    """Before anything is collected, so that tests can import what is generated as they would any other code."""
    import tempfile

    config.cairn_generated = tempfile.TemporaryDirectory(prefix="cairn-python-")
    generate(Path(config.cairn_generated.name))


def pytest_unconfigure(config):
    config.cairn_generated.cleanup()


@pytest.fixture(scope="session")
def channel(tmp_path_factory):
    import grpc

    server = Cairn(tmp_path_factory.mktemp("cairn"))
    try:
        with grpc.insecure_channel(server.address) as opened:
            yield opened
    finally:
        code = server.stop()
    assert code == 0


@pytest.fixture
def thread():
    """A thread that nobody has used. Its id shows that ids are opaque."""
    return f"thread/{uuid.uuid4()}: é 😀"
