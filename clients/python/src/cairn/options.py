"""How to talk to a server."""

from dataclasses import dataclass, field
from typing import TypedDict

from cairn.retry import RetryPolicy
from cairn.tls import Tls

DEFAULT_ADDRESS = "127.0.0.1:50051"
"""Where `cairn serve` listens unless told otherwise."""
RECONNECT_SECONDS_MAX = 1.0
"""The longest pause of a channel between two attempts to connect, apart from its jitter of a fifth."""

_MIB = 1024 * 1024


class ConnectArguments(TypedDict, total=False):
    """The options of a client as keyword arguments; `ConnectOptions` says what each is."""

    space: str
    token: str | None
    tls: Tls | None
    timeout: float
    run_timeout: float
    retry: RetryPolicy
    message_bytes_max: int
    held_bytes_max: int


@dataclass(frozen=True, kw_only=True)
class ConnectOptions:
    """The options of a client. Times are in seconds."""

    space: str = "default"
    """An isolated set of graphs and threads."""
    token: str | None = field(default=None, repr=False)
    """The bearer token."""
    tls: Tls | None = field(default=None, repr=False)
    """Default: none on this machine; beyond it, TLS with the system's authorities."""
    timeout: float = 30.0
    """How long ordinary calls may take, all attempts together."""
    run_timeout: float = 600.0
    """How long calls that run a graph, copy or prune threads may take, and one attempt of an event stream."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    """How calls that are safe to repeat are retried."""
    message_bytes_max: int = 64 * _MIB
    """The largest message in either direction. Default 64 MiB, as the server's."""
    held_bytes_max: int = 64 * _MIB
    """How many bytes of values `checkpoint_store` keeps, to send and ask for what changed only. Default 64 MiB."""

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Space and token, sent with every call."""
        entries = [("cairn-space", self.space)]
        if self.token:
            entries.append(("authorization", f"Bearer {self.token}"))
        return tuple(entries)

    @property
    def channel_arguments(self) -> list[tuple[str, int]]:
        """gRPC's own options."""
        return [
            ("grpc.max_receive_message_length", self.message_bytes_max),
            ("grpc.max_send_message_length", self.message_bytes_max),
            # A connection that died without a word is noticed by its pings, not by the deadline of whoever waits; also
            # under a stream that has long had nothing to say.
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.max_pings_without_data", 0),
            # A server that comes back is found within a second, also by a client that has been trying for long.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", int(RECONNECT_SECONDS_MAX * 1000)),
            # Closing one client must not leave its connection to another, nor one wait out another's back-off.
            ("grpc.use_local_subchannel_pool", 1),
        ]
