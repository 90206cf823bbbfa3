"""Workers that tests start and that end with them."""

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cairn
from cairn.worker.node_code import NodeFunction

READY_SECONDS_MAX = 20
END_SECONDS_MAX = 20

Serve = Callable[..., cairn.Worker]
Register = Callable[..., str]


@contextlib.contextmanager
def serving(worker: cairn.Worker) -> Iterator[cairn.Worker]:
    """Runs it in a thread; at the end it has to end by itself."""
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            worker.run()
            ended.append(None)
        except BaseException as error:  # noqa: BLE001
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert worker.ready.wait(READY_SECONDS_MAX), ended
        yield worker
    finally:
        worker.stop()
        thread.join(END_SECONDS_MAX)
        assert ended == [None]


@pytest.fixture
def serve(client: cairn.Client) -> Iterator[Serve]:
    """Serves functions by name: `serve(work=function, slots=3)`."""
    with contextlib.ExitStack() as workers:

        def start(*, slots: int = 8, **nodes: NodeFunction) -> cairn.Worker:
            worker = client.worker(slots=slots)
            for name, function in nodes.items():
                worker.node(name)(function)
            return workers.enter_context(serving(worker))

        yield start


@pytest.fixture
def register(client: cairn.Client) -> Register:
    """Registers a graph under a name of its own, and gives the name."""

    def register(*, channels: str, nodes: str, edges: str, more: str = "") -> str:
        name = f"graph-{uuid.uuid4()}"
        client.graphs.register(
            f"name: {name}\nchannels: {{ {channels} }}\nnodes: {{ {nodes} }}\nedges: [{edges}]\n{more}"
        )
        return name

    return register


@pytest.fixture
def one(register: Register) -> Callable[[str], str]:
    """A graph of a single node, `work`, with these channels."""

    def of(channels: str) -> str:
        return register(channels=channels, nodes="work: { worker: { params: { by: 2 } } }", edges="START -> work")

    return of


def told(events: list[cairn.Event], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]
