"""A worker in a process of its own, which leaves traces in a folder and looks for its gate there.

python process.py ADDRESS FOLDER ID
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import cairn

address, folder, worker_id = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
worker = cairn.Client(address).worker(id=worker_id, slots=4)


def trace(line: str) -> None:
    with (folder / "traces").open("a") as traces:
        traces.write(f"{line} by {worker_id}\n")


@worker.node
def gated(state: dict[str, Any], context: cairn.NodeContext) -> dict[str, object]:
    """Ends when its gate is open, and says who it was. Blocks its thread until then."""
    trace(f"begins {context.attempt}")
    while not (folder / "gate").exists():
        time.sleep(0.02)
    trace(f"ends {context.attempt}")
    return {"log": [f"{state['name']} by {worker_id}"]}


@worker.node
def poison(state: dict[str, Any], context: cairn.NodeContext) -> dict[str, object]:
    """Ends its process, unless it is the third attempt."""
    if context.attempt < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"log": [f"survived {context.attempt}"]}


@worker.node
def watches(state: dict[str, Any], context: cairn.NodeContext) -> None:
    """Waits to be cancelled, in a thread."""
    trace("watches")
    if context.cancelled.wait(20):
        trace("saw it")


@worker.node
async def sleeps(state: dict[str, Any]) -> None:
    """Waits to be cancelled, as a coroutine."""
    trace("watches")
    try:
        await asyncio.sleep(20)
    except asyncio.CancelledError:
        trace("saw it")
        raise


worker.run()
