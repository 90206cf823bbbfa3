"""A real `cairn serve` process, with an embedded store of its own."""

import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
NODE = ROOT / "node_modules" / ".bin" / "node"
SAYS = "cairn listening on "
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30


class Cairn:
    """The server of a folder. May be stopped or killed and started again, on the same port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self._listen = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        out, err = self._folder / "stdout", self._folder / "stderr"
        store = ["--store", str(self._folder / "store"), "--listen", self._listen]
        command = [str(NODE), str(ROOT / "src" / "main.ts"), "serve", *store, *self._options]
        with out.open("wb") as stdout, err.open("wb") as stderr:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        self.address = self._listen = self._wait_for_address(out, err)

    def _wait_for_address(self, out: Path, err: Path) -> str:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            ended = self._process.poll()
            for line in out.read_text().splitlines(keepends=True):
                if line.startswith(SAYS) and line.endswith("\n"):
                    return line[len(SAYS) :].strip()
            if ended is not None:
                raise RuntimeError(f"cairn serve ended with {ended} before it listened: {err.read_text()}")
            time.sleep(0.05)
        self._process.kill()
        raise RuntimeError(f"cairn serve did not listen within {START_SECONDS_MAX} s: {err.read_text()}")

    def kill(self) -> None:
        """As a machine that loses power would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(STOP_SECONDS_MAX)

    def stop(self) -> int:
        """Asks it to end; gives its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
