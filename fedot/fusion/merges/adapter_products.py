"""The mean of low-rank adapters, taken of what they add to the weights and not of their factors.

An adapter adds ``s B A`` to a weight, B (out, r) and A (r, in) (Hu et al. 2022, equation 3). The mean of such products
is not the product of the means, and factors of unequal rank have no mean at all. Here the mean of the products is
factored again by a singular value decomposition: exactly where the rank suffices, else as closely as that rank allows
(Eckart & Young 1936). That averaging the factors is inexact is the starting point of FedEx-LoRA (arXiv:2410.09432) and
of HLoRA (arXiv:2503.00813), which deals with unequal ranks.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fedot.symmetry import State

DOWN, UP = ".lora_A.weight", ".lora_B.weight"
"""How the names of an adapter's two matrices end: A (rank, in) and B (out, rank)."""

NOTHING = 1e-7
"""Directions that are smaller than that share of the largest are rounding."""


def average_products(
    states: Sequence[State], scales: Sequence[float], weights: Sequence[float], rank: int, scale: float
) -> State:
    """Average adapters by what they add, and everything else plainly.

    Parameters
    ----------
    states
        Of K models: adapters of the same layers, of any ranks, and a head.
    scales
        What each model's adapters are multiplied by, ``alpha / rank``, (K,).
    weights
        Share of each model, (K,); they need not sum to 1.
    rank, scale
        Of the result.

    Returns
    -------
    State
        Tensors of the first model's names, the adapters of the rank that was asked for. Their columns are ordered by
        size, so that the first few are the best adapter of that lower rank.

    Examples
    --------
    >>> def model(up, down):
    ...     return {"f.lora_A.weight": torch.tensor([down]), "f.lora_B.weight": torch.tensor([[up]])}
    >>> both = [model(1.0, [1.0, 0.0]), model(3.0, [0.0, 1.0])]
    >>> mean = average_products(both, [1.0, 1.0], [1.0, 1.0], rank=1, scale=2.0)
    >>> 2.0 * mean["f.lora_B.weight"] @ mean["f.lora_A.weight"]
    tensor([[0.5000, 1.5000]])
    """
    total = sum(weights)
    shares = [weight / total for weight in weights]
    out: State = {}
    for name, tensor in states[0].items():
        if name.endswith(UP):
            continue
        if not name.endswith(DOWN):
            mean = sum((w * state[name].double() for w, state in zip(shares, states, strict=True)), torch.zeros(()))
            out[name] = mean.to(tensor.dtype)
            continue
        layer = name.removesuffix(DOWN)
        ups = [w * s * state[layer + UP].double() for w, s, state in zip(shares, scales, states, strict=True)]
        downs = [state[name].double() for state in states]
        size = sum(float(each.square().sum(1).mean().sqrt()) for each in downs) / len(downs)
        up, down = factored(torch.cat(ups, 1), torch.cat(downs, 0), rank, size)
        out[name], out[layer + UP] = down.to(tensor.dtype), (up / scale).to(tensor.dtype)
    return {name: out[name] for name in states[0]}


def factored(up: Tensor, down: Tensor, rank: int, size: float) -> tuple[Tensor, Tensor]:
    """The closest factors of a lower rank: (out, R) and (R, in) to (out, rank) and (rank, in).

    All rows of the second have the norm `size`, that of the clients' own: B learns as fast as A is large, so factors of
    equal size, which are small, would learn slowly. Where the product has a lower rank, columns of the first are 0 and
    rows of the second drawn, so that training can still use them.
    """
    left, upper = torch.linalg.qr(up)
    right, lower = torch.linalg.qr(down.T)
    u, sizes, v = torch.linalg.svd(upper @ lower.T)
    kept = int((sizes > NOTHING * sizes.max().clamp(min=1e-30)).sum().clamp(max=rank)) if len(sizes) else 0
    new_up, new_down = up.new_zeros(len(up), rank), down.new_empty(rank, down.shape[1])
    new_up[:, :kept] = left @ u[:, :kept] * (sizes[:kept] / size)
    new_down[:kept] = size * (v[:kept] @ right.T)
    generator = torch.Generator().manual_seed(0)
    free = torch.rand(rank - kept, down.shape[1], generator=generator, dtype=down.dtype) * 2 - 1
    new_down[kept:] = size * free / free.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return new_up, new_down


def cut_to_rank(state: State, rank: int, factor: float) -> State:
    """Keep the first columns of adapters, and multiply what they add by a factor.

    Parameters
    ----------
    state
        As `average_products` gives it.
    rank
        At most that of the state.

    Examples
    --------
    >>> state = {"f.lora_A.weight": torch.eye(2), "f.lora_B.weight": torch.eye(2)}
    >>> cut_to_rank(state, 1, 0.5)["f.lora_B.weight"]
    tensor([[0.5000],
            [0.0000]])
    """
    out = dict(state)
    for name, tensor in state.items():
        if name.endswith(DOWN):
            out[name] = tensor[:rank].contiguous()
        elif name.endswith(UP):
            out[name] = (tensor[:, :rank] * factor).contiguous()
    return out
