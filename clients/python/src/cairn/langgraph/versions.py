"""Versions of channels: whole numbers, floats or text, each kept as it is."""

from collections.abc import Mapping

from langgraph.checkpoint.base import ChannelVersions

from cairn.v1.value_pb2 import Version, VersionMap

_INT64_MAX = 2**63 - 1


def to_version_map(versions: Mapping[str, str | int | float]) -> VersionMap:
    """Versions by channel for the wire."""
    return VersionMap(versions={channel: _to_version(version) for channel, version in versions.items()})


def from_version_map(message: VersionMap) -> ChannelVersions:
    """Versions by channel as LangGraph has them."""
    return {channel: _from_version(version) for channel, version in message.versions.items()}


def _to_version(version: str | float) -> Version:
    if isinstance(version, str):
        return Version(string_value=version)
    if isinstance(version, float):
        return Version(double_value=version)
    return Version(uint64_value=version) if version > _INT64_MAX else Version(int64_value=version)


def _from_version(version: Version) -> str | int | float:
    kind = version.WhichOneof("number")
    number: str | int | float = getattr(version, kind or "int64_value")
    return number
