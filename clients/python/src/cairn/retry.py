"""When calls are tried again, and after how long."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How calls that are safe to repeat are retried, and event streams resumed. Times are in seconds.

    By default five attempts within about three seconds; streams about a minute, in which a server can be restarted.
    """

    attempts_max: int = 5
    """Attempts of one call in all. 1: never retry."""
    streams_max: int = 30
    """Streams in a row that break without bringing an event, before a reader of events gives up."""
    backoff_base: float = 0.2
    """The bound of the first wait. Each wait is random between half its bound and the whole; the bound doubles."""
    backoff_max: float = 5.0
    """No bound goes beyond this."""


def backoff(failed_attempts: int, policy: RetryPolicy, random: Callable[[], float]) -> float:
    """The wait in seconds after so many failed attempts.

    Half of it is random, so that clients that failed together don't return together; the other half is not, so that all
    attempts together outlast the second that a channel may pause before it connects again.
    """
    bound = min(policy.backoff_max, policy.backoff_base * 2.0 ** min(failed_attempts - 1, 30))
    return bound / 2 + random() * bound / 2
