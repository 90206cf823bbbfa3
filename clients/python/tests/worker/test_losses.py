"""Workers and servers that are killed, stopped and cut off: what was at work goes on, and nothing counts twice."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from serve import Cairn

import cairn
from cairn import methods
from cairn.v1.worker_service_pb2 import ListWorkersRequest, WorkerInfo

CLIENT = Path(__file__).resolve().parents[2]
WAIT_SECONDS_MAX = 30
LEASE_SECONDS = 2
# Outlasts a server that is started again.
LONG_LEASE_SECONDS = 30


def until(what: str, holds: Callable[[], object]) -> None:
    ends_at = time.monotonic() + WAIT_SECONDS_MAX
    while not holds():
        assert time.monotonic() < ends_at, f"not within {WAIT_SECONDS_MAX} s: {what}"
        time.sleep(0.05)


class Bench:
    """A server of its own, and worker processes that leave traces."""

    def __init__(self, folder: Path, lease_seconds: int) -> None:
        self.folder = folder
        self.server = Cairn(folder, "--task-lease", str(lease_seconds))
        self.client = cairn.Client(self.server.address)
        self.workers: list[subprocess.Popen[bytes]] = []

    def worker(self, worker_id: str, *, waits: bool = True) -> subprocess.Popen[bytes]:
        program = [sys.executable, str(Path(__file__).with_name("process.py")), self.server.address]
        env = {"PYTHONPATH": str(CLIENT / "src")}
        process = subprocess.Popen([*program, str(self.folder), worker_id], env=env)
        self.workers.append(process)
        if waits:
            until(f"{worker_id} is let in", lambda: any(w.worker_id == worker_id for w in self.connected()))
        return process

    def connected(self) -> list[WorkerInfo]:
        listed = self.client.call(methods.LIST_WORKERS, ListWorkersRequest()).workers
        return [worker for worker in listed if worker.connected]

    def begin(self, handler: str, more: str = "") -> Callable[[], list[str]]:
        """Begins a run of one node in the background; gives what waits for its end and tells its log."""
        self.client.graphs.register(
            "name: one\nchannels: { name: last_value, log: append }\n"
            f"nodes: {{ work: {{ worker: {{ handler: {handler} }}{more} }} }}\nedges: [START -> work]"
        )
        self.thread = self.client.thread("t")
        self.run_id = self.thread.run({"name": "it"}, graph="one", background=True).run_id

        def end() -> list[str]:
            assert self.thread.wait_for_run(self.run_id).status == "done"
            log: list[str] = self.thread.state().values["log"]
            return log

        return end

    def traces(self, begin: str) -> list[str]:
        traces = self.folder / "traces"
        lines = traces.read_text().splitlines() if traces.exists() else []
        return [line for line in lines if line.startswith(begin)]

    def open_gate(self) -> None:
        (self.folder / "gate").touch()

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.client.close()
        self.server.kill()


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    started = Bench(tmp_path, getattr(request, "param", LEASE_SECONDS))
    try:
        yield started
    finally:
        started.close()


def test_a_task_goes_to_another_worker_when_its_own_is_killed(bench: Bench) -> None:
    first = bench.worker("first")
    end = bench.begin("gated")
    until("the node is at work", lambda: bench.traces("begins"))
    bench.worker("second")
    first.kill()
    until("the second has it", lambda: bench.traces("begins 2 by second"))
    bench.open_gate()
    assert end() == ["it by second"]
    assert len(bench.traces("begins")) == 2


def test_a_worker_that_comes_back_too_late_is_not_counted(bench: Bench) -> None:
    first = bench.worker("first")
    end = bench.begin("gated")
    until("the node is at work", lambda: bench.traces("begins"))
    bench.worker("second")
    first.send_signal(signal.SIGSTOP)
    until("the second has it", lambda: bench.traces("begins 2 by second"))
    bench.open_gate()
    assert end() == ["it by second"]
    first.send_signal(signal.SIGCONT)
    until("the first has ended it too", lambda: bench.traces("ends 1 by first"))
    until("the first serves again", lambda: any(w.worker_id == "first" and w.tasks == 0 for w in bench.connected()))
    assert end() == ["it by second"]


@pytest.mark.parametrize("bench", [LONG_LEASE_SECONDS], indirect=True)
def test_a_task_stays_with_its_worker_while_the_server_is_killed(bench: Bench) -> None:
    bench.worker("first")
    end = bench.begin("gated")
    until("the node is at work", lambda: bench.traces("begins"))
    bench.server.kill()
    bench.server.start()
    until("the worker is back", bench.connected)
    bench.open_gate()
    assert end() == ["it by first"]
    assert bench.traces("begins") == ["begins 1 by first"]


@pytest.mark.parametrize("bench", [LONG_LEASE_SECONDS], indirect=True)
def test_a_result_without_a_server_is_told_to_the_next_one(bench: Bench) -> None:
    bench.worker("first")
    end = bench.begin("gated")
    until("the node is at work", lambda: bench.traces("begins"))
    bench.server.kill()
    bench.open_gate()
    until("the node has ended", lambda: bench.traces("ends"))
    bench.server.start()
    assert end() == ["it by first"]
    assert bench.traces("begins") == ["begins 1 by first"]


def test_a_function_that_blocks_for_longer_than_its_lease_keeps_it(bench: Bench) -> None:
    bench.worker("first")
    bench.worker("second")
    end = bench.begin("gated")
    until("the node is at work", lambda: bench.traces("begins"))
    time.sleep(2 * LEASE_SECONDS)
    bench.open_gate()
    end()
    assert len(bench.traces("begins")) == 1


def test_a_task_that_ends_its_process_counts_against_the_policy(bench: Bench) -> None:
    end = bench.begin("poison", ", retry: { maxAttempts: 3, initialInterval: 0.01s, noJitter: true }")
    for worker_id in ("first", "second"):
        bench.worker(worker_id, waits=False).wait(WAIT_SECONDS_MAX)
    bench.worker("third")
    assert end() == ["survived 3"]


@pytest.mark.parametrize("handler", ["watches", "sleeps"])
def test_code_is_told_when_its_run_is_cancelled(bench: Bench, handler: str) -> None:
    bench.worker("first")
    bench.begin(handler)
    until("the node is at work", lambda: bench.traces("watches"))
    bench.thread.cancel(bench.run_id)
    until("it is told", lambda: bench.traces("saw it"))
    until("it has room again", lambda: all(worker.tasks == 0 for worker in bench.connected()))


def test_a_sigterm_lets_the_tasks_at_work_end(bench: Bench) -> None:
    first = bench.worker("first")
    end = bench.begin("gated")
    until("the node is at work", lambda: bench.traces("begins"))
    first.terminate()
    time.sleep(0.3)
    assert first.poll() is None
    bench.open_gate()
    assert first.wait(WAIT_SECONDS_MAX) == 0
    assert end() == ["it by first"]
