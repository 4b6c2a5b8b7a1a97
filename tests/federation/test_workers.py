"""Workers live no longer than their parent, hear no signals that are for it, and are all that a pool stops."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from fedot.federation.engines.workers import start_pool, stop_pool

ROOT = Path(__file__).parents[2]
PARENT = """
import os, time
from fedot.federation.engines.workers import start_pool
pool = start_pool(1)
print(pool.submit(os.getpid).result(), flush=True)
pool.submit(time.sleep, 300)
time.sleep(300)
"""


def alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has reaped does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


@pytest.fixture
def pool() -> Iterator[ProcessPoolExecutor]:
    found = start_pool(1)
    yield found
    stop_pool(found)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_worker_ends_with_its_parent_and_gives_its_output_back(number: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert alive(worker)
    parent.send_signal(number)
    parent.communicate(timeout=30)  # which waits until nobody holds its output any more
    deadline = time.monotonic() + 10
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(worker)


def test_signals_are_for_the_parent_alone(pool: ProcessPoolExecutor) -> None:
    worker = pool.submit(os.getpid).result()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(worker, number)
    assert pool.submit(os.getpid).result() == worker


def test_a_pool_stops_its_own_processes_only() -> None:
    first, second = start_pool(1), start_pool(1)
    try:
        workers = [pool.submit(os.getpid).result() for pool in (first, second)]
        first.submit(time.sleep, 300)
        stop_pool(first)
        assert [alive(worker) for worker in workers] == [False, True]
        assert second.submit(os.getpid).result() == workers[1]
    finally:
        stop_pool(second)


def test_workers_have_the_environment_of_now_and_find_the_libraries_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("first", "second"):
        monkeypatch.setenv("FEDOT_TRIED", value)
        found = start_pool(1)
        try:
            assert found.submit(os.getenv, "FEDOT_TRIED").result() == value
            assert found.submit(time.process_time).result() < 1  # to load them takes longer
        finally:
            stop_pool(found)
