"""Reduce the heads of an attention to fewer, or to thinner ones, that do the same on the rows that they meet.

Heads that attend alike are joined: their score circuits are averaged, their output circuits are added up, and both are
factored anew at the rank that is to be had. As many groups as heads, and each just becomes thinner.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fedot.fusion.align.align import circuit_products, plane_products
from fedot.fusion.canonical.canonicalise import Heads, channels, planes, refactor
from fedot.fusion.reduce.directions import square_root
from fedot.fusion.reduce.moments import Moments
from fedot.symmetry import Attention


@dataclass(frozen=True, slots=True)
class Roots:
    """Square roots of the second moments of what queries (`query`), keys (`key`) and values (`value`) are made from.

    Those of queries, and of the keys of a rotary attention, have a one for the bias: (d + 1, d + 1).
    """

    query: Tensor
    key: Tensor
    value: Tensor

    @classmethod
    def of(cls, query: Moments, key: Moments, *, rotary: bool) -> "Roots":
        """Take them of the streams that are read; in a cross-attention these are two."""
        value = square_root(key.second)
        return cls(_root_with_one(query), _root_with_one(key) if rotary else value, value)


def reduce_heads(heads: Heads, roots: Roots, number: int, rank: int, attention: Attention) -> Heads:
    """Join heads in `number` groups, each of which becomes a head of `rank` channels.

    Parameters
    ----------
    heads
        Of one attention of a canonical model, (H, d_head, width); where they are rotary, `rank` is their ``d_head``.
    roots
        Of the rows that the attention meets.

    Returns
    -------
    Heads of shape (number, rank, width).
    """
    size = torch.einsum("hrx,hry->hxy", heads.o, heads.v @ roots.value).square().sum((1, 2))
    groups = group_heads(_attention_distance(heads, roots, rotary=attention.rotary) * size[:, None], number)
    shares = [size[members] / size[members].sum().clamp(min=1e-300) for members in groups]
    if attention.rotary:
        q, k = _mean_planes(heads, groups, shares, roots)
    else:
        averaged = [heads.q[members] * share[:, None, None] for members, share in zip(groups, shares, strict=True)]
        scale = (rank / heads.d_head) ** 0.25 if attention.scaled else 1.0
        left, right = _weighted_refactor(
            _stack(averaged), _stack([heads.k[i] for i in groups]), roots.query, roots.key, rank
        )
        q, k = left * scale, right * scale
    eye = torch.eye(heads.o.shape[2], dtype=torch.float64)
    o, v = _weighted_refactor(
        _stack([heads.o[i] for i in groups]), _stack([heads.v[i] for i in groups]), eye, roots.value, rank
    )
    return Heads(q, k, v, o)


def group_heads(cost: Tensor, number: int) -> list[Tensor]:
    """Choose `number` heads that stand for all, one by one; each head goes with the one that it costs least.

    The greedy solution of the uncapacitated facility location problem (Cornuejols, Fisher, Nemhauser 1977), which is
    transport to an anchor whose support is chosen and whose mass is free.

    Parameters
    ----------
    cost : (H, H) of standing for a head (row) by another (column), zero on the diagonal

    Returns
    -------
    Members of every group.
    """
    if number >= len(cost):
        return [torch.tensor([head]) for head in range(len(cost))]
    least = torch.full((len(cost),), torch.inf, dtype=cost.dtype)
    chosen: list[int] = []
    for _ in range(number):
        total = torch.minimum(least[:, None], cost).sum(0)
        total[chosen] = torch.inf
        chosen.append(int(total.argmin()))
        least = torch.minimum(least, cost[:, chosen[-1]])
    to = cost[:, chosen].argmin(1)
    to[chosen] = torch.arange(number)  # also where two heads cost nothing to each other
    return [(to == group).nonzero().reshape(-1) for group in range(number)]


def _attention_distance(heads: Heads, roots: Roots, *, rotary: bool) -> Tensor:
    """Squared distances of the heads' score circuits on the rows that they meet, (H, H)."""
    q, k = heads.q @ roots.query, heads.k @ roots.key
    cross = (plane_products if rotary else circuit_products)(q, k, q, k)
    own = cross.diagonal()
    return (own[:, None] + own[None, :] - 2 * cross).clamp(min=0.0).fill_diagonal_(0.0)


def _mean_planes(
    heads: Heads, groups: Sequence[Tensor], shares: Sequence[Tensor], roots: Roots
) -> tuple[Tensor, Tensor]:
    """Factors of the groups' mean circuits, (groups, d_head, width), where a circuit is one complex number a plane.

    The score circuit of a rotary head is, plane by plane, the product of one complex row for the query and one for the
    key; a mean of such products has a best approximation by one.
    """
    queries, keys = planes(heads.q @ roots.query), planes(heads.k @ roots.key).conj()
    left, right = [], []
    for members, share in zip(groups, shares, strict=True):
        each = refactor((queries[members] * share[:, None, None]).transpose(0, 1), keys[members].transpose(0, 1), 1)
        left.append(each[0][:, 0])
        right.append(each[1][:, 0].conj())
    return (
        torch.linalg.solve(roots.query, channels(torch.stack(left)), left=False),
        torch.linalg.solve(roots.key, channels(torch.stack(right)), left=False),
    )


def _stack(parts: Sequence[Tensor]) -> Tensor:
    """Channels of every group's heads one after the other, (groups, most channels, width), filled up with zeros."""
    flat = [part.reshape(-1, part.shape[2]) for part in parts]
    longest = max(len(part) for part in flat)
    return torch.stack([torch.nn.functional.pad(part, (0, 0, 0, longest - len(part))) for part in flat])


def _weighted_refactor(
    left: Tensor, right: Tensor, root_left: Tensor, root_right: Tensor, rank: int
) -> tuple[Tensor, Tensor]:
    """Best factors at a rank, errors counted on the rows that the circuits meet."""
    a, b = refactor(left @ root_left, right @ root_right, rank)
    return torch.linalg.solve(root_left, a, left=False), torch.linalg.solve(root_right, b, left=False)


def _root_with_one(moments: Moments) -> Tensor:
    wide = torch.ones(len(moments.mean) + 1, len(moments.mean) + 1, dtype=torch.float64)
    wide[:-1, :-1], wide[:-1, -1], wide[-1, :-1] = moments.second, moments.mean, moments.mean
    return square_root(wide)
