"""Python's part of the relay. Usage: worker.py ADDRESS SPACE GATES, or worker.py history ADDRESS SPACE THREAD."""

import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import cairn


def mark(node: str) -> list[dict[str, Any]]:
    """What only this process can say of itself."""
    runtime = f"{platform.python_implementation()} {platform.python_version()}"
    return [{"node": node, "language": "python", "runtime": runtime, "pid": os.getpid()}]


def pass_gate(gates: str, node: str) -> None:
    """Says that the node has begun, and waits while its gate is closed."""
    with (Path(gates) / "begun").open("a") as begun:
        begun.write(f"{node} {os.getpid()}\n")
    while (Path(gates) / f"{node}.closed").exists():
        time.sleep(0.02)


def serve(address: str, space: str, gates: str) -> None:
    client = cairn.Client(address, space=space)
    worker = client.worker(id=f"python-{os.getpid()}")

    @worker.node
    def extract(state: dict[str, Any]) -> dict[str, Any]:
        pass_gate(gates, "extract")
        return {"words": state["text"].split(), "marks": mark("extract")}

    worker.run()
    client.close()


def history(address: str, space: str, thread: str) -> None:
    """Prints every checkpoint's step and values, newest first, a line each."""
    with cairn.Client(address, space=space) as client:
        for state in client.thread(thread).history():
            print(json.dumps({"step": state.step, "values": state.values}))


if __name__ == "__main__":
    if sys.argv[1] == "history":
        history(*sys.argv[2:])
    else:
        serve(*sys.argv[1:])
