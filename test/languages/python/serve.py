"""A real `cairn serve` process, with an embedded store of its own."""

import subprocess
import time
from pathlib import Path

from generate import ROOT

NODE = ROOT / "node_modules" / ".bin" / "node"
SAYS = "cairn listening on "
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30


class Cairn:
    def __init__(self, folder: Path):
        self._out = folder / "stdout"
        self._err = folder / "stderr"
        store = str(folder / "store")
        command = [NODE, ROOT / "src" / "main.ts", "serve", "--store", store, "--listen", "127.0.0.1:0"]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.address = self._wait_for_address()

    def _wait_for_address(self) -> str:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            ended = self._process.poll()
            for line in self._out.read_text().splitlines(keepends=True):
                if line.startswith(SAYS) and line.endswith("\n"):
                    return line[len(SAYS) :].strip()
            if ended is not None:
                raise RuntimeError(f"cairn serve ended with {ended} before it listened: {self._err.read_text()}")
            time.sleep(0.05)
        self._process.kill()
        raise RuntimeError(f"cairn serve did not listen within {START_SECONDS_MAX} s: {self._err.read_text()}")

    def stop(self) -> int:
        """Asks it to end; gives its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
