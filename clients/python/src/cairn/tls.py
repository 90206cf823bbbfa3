"""How a connection is secured."""

import re
from dataclasses import dataclass

import grpc

from cairn.errors import refused


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection is secured. PEM as text or bytes."""

    ca: str | bytes | None = None
    """Authorities that may have signed the server's certificate. Default: the system's."""
    cert: str | bytes | None = None
    """The client's certificate, for servers that ask for one. Needs `key`."""
    key: str | bytes | None = None
    """The key of `cert`."""
    insecure: bool = False
    """Connect without TLS to an address beyond this machine, too. The token then travels unencrypted."""


def credentials_for(address: str, tls: Tls | None) -> grpc.ChannelCredentials | None:
    """What to connect with; None for a connection without TLS, which by default is one that stays on this machine."""
    if tls is not None and tls.insecure:
        if tls.ca or tls.cert or tls.key:
            raise refused("tls.insecure", "goes without ca, cert and key")
        return None
    if tls is None:
        return None if is_this_machine(address) else grpc.ssl_channel_credentials()
    if (tls.cert is None) != (tls.key is None):
        raise refused("tls", "cert and key come together")
    return grpc.ssl_channel_credentials(_bytes(tls.ca), _bytes(tls.key), _bytes(tls.cert))


def is_this_machine(address: str) -> bool:
    """Whether what is sent there stays on this machine."""
    if re.match(r"unix(-abstract)?:", address):
        return True
    host = re.sub(r":\d+$", "", re.sub(r"^(dns|ipv4|ipv6):(//[^/]*/)?", "", address))
    return host in ("localhost", "::1", "[::1]") or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def _bytes(pem: str | bytes | None) -> bytes | None:
    return pem.encode() if isinstance(pem, str) else pem
