"""A few processes with one thread each, for work that would otherwise wait in line.

They end with the process that started them, however that ends: each waits for it in a thread of its own. Signals are
for the parent alone, which then stops its workers; so Ctrl-C in a terminal, or a service manager that signals a whole
group, does not make a worker die before the parent knows why.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from fedot.wire.flower_private import assume_identity

P = ParamSpec("P")
T = TypeVar("T")

FOR_THE_PARENT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Pool(ProcessPoolExecutor):
    """Workers that are started when work is handed in, and never hear `FOR_THE_PARENT`."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Hand in work; what is blocked here a process that begins here inherits."""
        with _blocked():
            return super().submit(fn, *args, **kwargs)


def start_pool(count: int) -> Pool:
    """Start worker processes; they are fresh ones, since forking a process that uses torch is unsafe."""
    with _blocked():  # the process in which Python looks after shared memory begins here, too
        return Pool(count, multiprocessing.get_context("spawn"), initializer=_prepare)


def stop_pool(pool: ProcessPoolExecutor) -> None:
    """Stop at once what is still running in this pool, and clear up."""
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _blocked() -> Iterator[None]:
    """Keep signals from this thread for a moment; they come afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, FOR_THE_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare() -> None:
    threading.Thread(target=_end_with_the_parent, daemon=True).start()  # first, since what follows takes seconds
    import torch

    torch.set_num_threads(1)
    assume_identity()


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
