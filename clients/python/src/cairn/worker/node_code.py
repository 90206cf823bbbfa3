"""The code of a node: a plain function or a coroutine function, with a context or without."""

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from cairn.worker.context import Interrupted, NodeContext

NodeFunction = Callable[..., Any]
"""Called with the state, or a Send's argument, and with a `NodeContext` if it takes a second argument."""


class NodeCode:
    """A function that a worker serves."""

    def __init__(self, function: NodeFunction) -> None:
        self._function = function
        self._takes_context = _takes_two(function)
        self.is_coroutine = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004
        )

    async def call(self, state: object, context: NodeContext, threads: Executor) -> Any:
        """What it returns; raises what it raises. A coroutine runs in the loop, a plain function in a thread."""
        context.enter()
        arguments = (state, context) if self._takes_context else (state,)
        if self.is_coroutine:
            return await self._function(*arguments)
        within = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        returned, raised = await loop.run_in_executor(threads, within.run, self._outcome, arguments)
        if raised is not None:
            raise _raisable(raised)
        return returned

    def _outcome(self, arguments: tuple[object, ...]) -> tuple[Any, BaseException | None]:
        """Futures can't carry every exception: StopIteration would leave them without a result."""
        try:
            return self._function(*arguments), None
        except BaseException as raised:  # noqa: BLE001
            return None, raised


def _raisable(raised: BaseException) -> BaseException:
    """An exception that ends a loop or a coroutine when it is raised in it is a node's failure all the same."""
    if isinstance(raised, (Exception, Interrupted)) and not isinstance(raised, StopIteration):
        return raised
    failed = NodeEnded(raised)
    failed.__cause__ = raised
    return failed


class NodeEnded(Exception):
    """A plain function raised SystemExit, KeyboardInterrupt or another that is no ordinary `Exception`."""

    def __init__(self, raised: BaseException) -> None:
        super().__init__(repr(raised))
        self.raised = raised


def _takes_two(function: NodeFunction) -> bool:
    """Whether it can be called with a state and a context. Raises TypeError when not even with a state."""
    signature = inspect.signature(function)
    try:
        signature.bind(None, None)
    except TypeError:
        signature.bind(None)
        return False
    return True
