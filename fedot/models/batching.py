"""Batches of token ids of similar length."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def pad(rows: Sequence[Sequence[int]], padding: int = 0) -> Tensor:
    """Stack id lists into (B, T) int64, `padding` on the right."""
    width = max(len(row) for row in rows)
    out = np.full((len(rows), width), padding, dtype=np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return torch.from_numpy(out)


def count_tokens(rows: Iterable[Sequence[int]], vocab_size: int) -> Tensor:
    """How often each token id occurs, (V,) int64."""
    flat = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    return torch.from_numpy(np.bincount(flat, minlength=vocab_size))


def batch_indices(
    lengths: NDArray[np.int64], batch_size: int, generator: np.random.Generator | None
) -> Iterator[NDArray[np.int64]]:
    """Group rows (n,) of similar length; with a generator in random order, without one sorted by length.

    Rows are shuffled, cut into pools of 50 batches, and sorted by length only within a pool: little padding,
    and every epoch still draws its own batches.
    """
    order = np.argsort(lengths, kind="stable") if generator is None else generator.permutation(len(lengths))
    batches: list[NDArray[np.int64]] = []
    pool = batch_size * 50
    for start in range(0, len(order), pool):
        part = order[start : start + pool]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches.extend(part[i : i + batch_size] for i in range(0, len(part), batch_size))
    if generator is not None:
        generator.shuffle(batches)
    yield from batches
