"""A few processes with one thread each, for work that would otherwise wait in line.

They end with the process that started them, however that ends: each waits for it in a thread of its own. Signals are
for the parent alone, which then stops its workers; so Ctrl-C in a terminal, or a service manager that signals a whole
group, does not make a worker die before the parent knows why.

Workers are forked from one process, which has loaded the libraries and done nothing else: to load them takes seconds,
and their pages are then shared. To fork this process would be unsafe, since it uses torch.
"""

import gc
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LOADED = ["fedot.federation.client.handlers"]
"""What workers need; it brings the libraries along."""

FOR_THE_PARENT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Pool(ProcessPoolExecutor):
    """Workers that are started when work is handed in, and never hear `FOR_THE_PARENT`."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Hand in work; what is blocked here a process that begins here inherits."""
        with _blocked():
            return super().submit(fn, *args, **kwargs)


def load_ahead() -> None:
    """Start the process that workers are forked from, so that it loads libraries while this one does."""
    context = _context()
    if context.get_start_method() == "forkserver":
        with _blocked():
            multiprocessing.forkserver.ensure_running()


def start_pool(count: int) -> Pool:
    """Start worker processes, which have the environment that this one has now."""
    with _blocked():  # the processes begin here in which Python looks after shared memory, and that workers come from
        return Pool(count, _context(), initializer=_prepare, initargs=(dict(os.environ),))


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


def _context() -> multiprocessing.context.BaseContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


def _prepare(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()  # first, since what follows takes seconds
    gc.freeze()  # else each look for garbage would copy pages that are shared
    import torch

    from fedot.wire.flower_private import assume_identity

    torch.set_num_threads(1)
    assume_identity()


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
