"""A few processes with one thread each, for work that would otherwise wait in line."""

import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor

from fedot.federation.flower_private import assume_identity


def start_pool(count: int) -> ProcessPoolExecutor:
    """Start worker processes; they are fresh ones, since forking a process that uses torch is unsafe."""
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_prepare)


def stop_pool(pool: ProcessPoolExecutor) -> None:
    """Stop at once what is still running, and clear up."""
    for process in multiprocessing.active_children():
        process.terminate()
    pool.shutdown(wait=True, cancel_futures=True)


def _prepare() -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then stops the workers
    torch.set_num_threads(1)
    assume_identity()
