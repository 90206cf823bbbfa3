"""The example is a worker that works, and ends as it says."""

import subprocess
import sys
from pathlib import Path

from serve import Cairn

import cairn

CLIENT = Path(__file__).resolve().parents[2]


def test_the_example_serves_until_sigterm(server: Cairn, client: cairn.Client, thread_id: str) -> None:
    program = [sys.executable, str(CLIENT / "examples/worker.py"), server.address]
    env = {"PYTHONPATH": str(CLIENT / "src")}
    with subprocess.Popen(program, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline().startswith("serving")
            thread = client.thread(thread_id)
            asked = thread.run({"name": "Ada"}, graph="greeting", timeout=30)
            assert asked.interrupts[0].value == {"formal?": "Ada"}
            assert thread.resume(True, timeout=30).state.values["greeting"] == "Good day, Ada!"
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()
