# Generated of _async/transport.py by scripts/generate.py.
"""Calls with their deadlines, request ids and retries."""

import random
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import closing

from cairn._sync.wire import Stream, Wire, sleep
from cairn.errors import CairnError, is_connection_loss
from cairn.methods import ClientStreamMethod, Method, Request, Response, ServerStreamMethod, UnaryMethod
from cairn.options import ConnectOptions
from cairn.retry import backoff


class Transport:
    """What calls are made over. The connection itself is made by the first call."""

    def __init__(self, address: str, options: ConnectOptions) -> None:
        self.address = address
        self.options = options
        self.wire = Wire(address, options)

    def unary(self, method: UnaryMethod[Request, Response], request: Request, timeout: float | None = None) -> Response:
        """Calls, and again while the server can't be reached if that is safe. All attempts share the deadline."""
        ends_at = time.monotonic() + self._timeout(method, timeout)
        encoded = request.SerializeToString() + _request_id(method, request)
        failures = 0
        while True:
            try:
                response = self.wire.unary(method.path, encoded, ends_at - time.monotonic())
            except CairnError as error:
                failures += 1
                self.pause(error, failures, ends_at, is_safe=method.is_safe_to_retry)
            else:
                return method.response_type.FromString(response)

    def server_stream(
        self, method: ServerStreamMethod[Request, Response], request: Request, timeout: float | None = None
    ) -> Stream[Response]:
        """One stream of responses; leaving the loop cancels the call."""
        responses = self.wire.server_stream(method.path, request.SerializeToString(), self._timeout(method, timeout))
        with closing(responses):
            for response in responses:
                yield method.response_type.FromString(response)

    def client_stream(
        self, method: ClientStreamMethod[Request, Response], requests: Iterable[Request], timeout: float | None = None
    ) -> Response:
        """Sends all requests; again from the beginning where that is safe, and they can be gone through twice."""
        ends_at = time.monotonic() + self._timeout(method, timeout)
        is_safe = method.is_safe_to_retry and iter(requests) is not requests
        failures = 0
        while True:
            encoded = (request.SerializeToString() for request in requests)
            try:
                response = self.wire.client_stream(method.path, encoded, ends_at - time.monotonic())
            except CairnError as error:
                failures += 1
                self.pause(error, failures, ends_at, is_safe=is_safe)
            else:
                return method.response_type.FromString(response)

    def pause(
        self,
        error: CairnError,
        failures: int,
        ends_at: float,
        *,
        is_safe: bool = True,
        attempts_max: int | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Waits before another attempt; raises the error if there is to be none."""
        policy = self.options.retry
        attempts = policy.attempts_max if attempts_max is None else attempts_max
        wait = backoff(failures, policy, jitter)
        if not is_safe or not is_connection_loss(error) or failures >= attempts or time.monotonic() + wait >= ends_at:
            raise error
        sleep(wait)

    def _timeout(self, method: Method[Request, Response], timeout: float | None) -> float:
        if timeout is not None:
            return timeout
        return self.options.run_timeout if method.is_long else self.options.timeout


def _request_id(method: UnaryMethod[Request, Response], request: Request) -> bytes:
    """What gives a mutation a request_id of its own, so that it can be retried: appended to the request, which merges it
    in. All attempts of a call share it. Empty for calls that take none or have one."""
    if not method.takes_request_id or getattr(request, "request_id"):  # noqa: B009
        return b""
    return method.request_type(request_id=secrets.token_hex(16)).SerializeToString()
