"""Two entries of an axis change places: the token that pads, and whichever has number 0."""

from typing import Any

import torch
from torch import Tensor


def exchanged(tensor: Tensor, axis: int, pad: int) -> Tensor:
    """A tensor in which the entries 0 and `pad` of an axis have changed places.

    Examples
    --------
    >>> exchanged(torch.tensor([5, 6, 7]), 0, 2)
    tensor([7, 6, 5])
    """
    if pad == 0:
        return tensor
    order = torch.arange(tensor.shape[axis], device=tensor.device)
    order[0], order[pad] = pad, 0
    return tensor.index_select(axis, order)


def exchange_columns(logits: Tensor, pad: int) -> Tensor:
    """Let the columns 0 and `pad` of logits (..., V) change places where they stand: they can be most of a step."""
    out: Tensor = logits if pad == 0 else _Exchange.apply(logits, pad)  # type: ignore[no-untyped-call]
    return out


class _Exchange(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, pad: int) -> Tensor:
        ctx.pad = pad
        ctx.mark_dirty(logits)
        return _swap(logits, pad)

    @staticmethod
    def backward(ctx: Any, *slopes: Any) -> Any:
        return _swap(slopes[0].clone(), ctx.pad), None


def _swap(logits: Tensor, pad: int) -> Tensor:
    first = logits[..., 0].clone()
    logits[..., 0] = logits[..., pad]
    logits[..., pad] = first
    return logits
