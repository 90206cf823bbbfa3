# Generated of _async/graphs.py by scripts/generate.py.
"""The graphs of a space."""

from typing import TypeAlias

from cairn import methods
from cairn._sync.pages import pages
from cairn._sync.transport import Transport
from cairn._sync.wire import Stream
from cairn.thread_info import GraphInfo, MigrationProgress, to_graph_info, to_migration_progress
from cairn.v1 import graph_service_pb2 as pb
from cairn.v1.graph_pb2 import GraphSpec

GraphInput: TypeAlias = str | GraphSpec
"""A graph: the text of a graph file (YAML or JSON, at most 1 MiB), or the message."""


class Graphs:
    """Registering and looking at the graphs of a space."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def register(self, graph: GraphInput, *, timeout: float | None = None) -> tuple[GraphInfo, bool]:
        """Registers a graph under its name and makes it the name's latest; the flag is False when it already was.

        Raises INVALID_ARGUMENT (GRAPH_INVALID) with every fault in `violations`.
        """
        request = pb.RegisterGraphRequest(graph=_source(graph))
        response = self._transport.unary(methods.REGISTER_GRAPH, request, timeout)
        return to_graph_info(response.graph), response.created

    def validate(self, graph: GraphInput, *, timeout: float | None = None) -> list[pb.GraphFault]:
        """Every fault of a graph, each with its path; none when it could be registered."""
        request = pb.ValidateGraphRequest(graph=_source(graph))
        return list((self._transport.unary(methods.VALIDATE_GRAPH, request, timeout)).faults)

    def get(self, name: str, *, hash: str = "", timeout: float | None = None) -> GraphInfo:
        """Reads a graph, by default the name's latest. Raises NOT_FOUND."""
        request = pb.GetGraphRequest(name=name, hash=hash)
        return to_graph_info((self._transport.unary(methods.GET_GRAPH, request, timeout)).graph)

    def list(self, *, page_size: int = 0, timeout: float | None = None) -> Stream[GraphInfo]:
        """The latest graph of each name, by name, without their specs."""

        def fetch(token: str) -> tuple[list[GraphInfo], str]:
            request = pb.ListGraphsRequest(page_size=page_size, page_token=token)
            page = self._transport.unary(methods.LIST_GRAPHS, request, timeout)
            return [to_graph_info(graph) for graph in page.graphs], page.next_page_token

        return pages(fetch)

    def draw(self, name: str, *, timeout: float | None = None) -> str:
        """A registered graph as a Mermaid flowchart. Raises NOT_FOUND."""
        return self._draw(pb.DrawGraphRequest(name=name), timeout)

    def draw_source(self, graph: GraphInput, *, timeout: float | None = None) -> str:
        """A graph that need not be registered as a Mermaid flowchart. Raises INVALID_ARGUMENT (GRAPH_INVALID)."""
        return self._draw(pb.DrawGraphRequest(source=_source(graph)), timeout)

    def draw_thread(
        self, thread_id: str, *, namespace: str = "", checkpoint_id: str = "", timeout: float | None = None
    ) -> str:
        """The graph that a thread ran as a Mermaid flowchart, with its nodes marked by how they stand in the superstep
        after the head, or after a checkpoint. Raises NOT_FOUND."""
        request = pb.DrawGraphRequest()
        request.thread.thread_id = thread_id
        request.thread.namespace = namespace
        request.thread.checkpoint_id = checkpoint_id
        return self._draw(request, timeout)

    def migrate(self, name: str, *, dry_run: bool = False, timeout: float | None = None) -> Stream[MigrationProgress]:
        """Brings the threads of a graph to the schema_version of its latest spec, or with `dry_run` only tries to.

        Tells of each one that was at another version, and after each page of threads how far it is. May be broken off and
        called again. Raises NOT_FOUND.
        """
        request = pb.MigrateThreadsRequest(name=name, dry_run=dry_run)
        for response in self._transport.server_stream(methods.MIGRATE_THREADS, request, timeout):
            yield to_migration_progress(response)

    def _draw(self, request: pb.DrawGraphRequest, timeout: float | None) -> str:
        return (self._transport.unary(methods.DRAW_GRAPH, request, timeout)).mermaid


def _source(graph: GraphInput) -> pb.GraphSource:
    return pb.GraphSource(text=graph) if isinstance(graph, str) else pb.GraphSource(spec=graph)
