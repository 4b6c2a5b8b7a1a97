"""Heads are joined and thinned without changing what they do, where that is possible."""

import pytest
import torch

from fedot.fusion.canonical.canonicalise import Heads
from fedot.fusion.reduce.heads import Roots, group_heads, reduce_heads
from fedot.fusion.reduce.moments import Moments
from fedot.symmetry import Attention

D, CHANNELS = 10, 4


def drawn(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def some_heads(number, seed, *, rotary=False):
    q, v, o = (drawn(number, CHANNELS, D + extra, seed=seed + i) for i, extra in enumerate((1, 0, 0)))
    return Heads(q, drawn(number, CHANNELS, D + rotary, seed=seed + 9), v, o)


def roots(*, rotary=False):
    rows = drawn(300, D, seed=50) @ torch.diag(torch.linspace(0.3, 2, D, dtype=torch.float64))
    met = Moments(rows.T @ rows / 300, rows.mean(0), torch.eye(D, dtype=torch.float64))
    return Roots.of(met, met, rotary=rotary)


def twice(heads, turn_of):
    """Every head a second time, its channels mixed by an invertible map, at half the output each."""
    turn = turn_of(len(heads.q))
    other = torch.linalg.inv(turn).mT
    mixed = Heads(turn @ heads.q, other @ heads.k, turn @ heads.v, other @ heads.o / 2)
    return Heads(
        *(
            torch.cat([a, b])
            for a, b in zip((heads.q, heads.k, heads.v, heads.o / 2), (mixed.q, mixed.k, mixed.v, mixed.o), strict=True)
        )
    )


def circuits(heads):
    return torch.einsum("hrx,hry->hxy", heads.q, heads.k), torch.einsum("hrx,hry->hxy", heads.o, heads.v)


def any_map(number):
    return drawn(number, CHANNELS, CHANNELS, seed=7) + 3 * torch.eye(CHANNELS, dtype=torch.float64)


def turned_planes(number):
    angle = drawn(number, CHANNELS // 2, seed=8)
    out = torch.zeros(number, CHANNELS, CHANNELS, dtype=torch.float64)
    for plane in range(CHANNELS // 2):
        i, j = 2 * plane, 2 * plane + 1
        out[:, i, i] = out[:, j, j] = angle[:, plane].cos()
        out[:, i, j], out[:, j, i] = -angle[:, plane].sin(), angle[:, plane].sin()
    return out


@pytest.mark.parametrize(("rotary", "turn_of"), [(False, any_map), (True, turned_planes)])
def test_heads_that_are_there_twice_are_joined(rotary, turn_of):
    heads = some_heads(3, 0, rotary=rotary)
    attention = Attention("q", "k", "v", "o", scaled=False, rotary=rotary)
    joined = reduce_heads(twice(heads, turn_of), roots(rotary=rotary), 3, CHANNELS, attention)
    for found, wanted in zip(circuits(joined), circuits(heads), strict=True):
        distance = (found[:, None] - wanted[None]).abs().amax((2, 3))  # in any order
        assert distance.min(0).values.max() < 1e-8


def test_thin_heads_keep_circuits_of_low_rank():
    heads = some_heads(2, 3)
    for side in (heads.q, heads.k, heads.v, heads.o):
        side[:, 2:] = 0.0
    thin = reduce_heads(heads, roots(), 2, 2, Attention("q", "k", "v", "o", scaled=False))
    assert thin.q.shape == (2, 2, D + 1)
    for found, wanted in zip(circuits(thin), circuits(heads), strict=True):
        torch.testing.assert_close(found, wanted)


def test_scores_are_kept_where_they_are_divided_by_another_root():
    heads = some_heads(2, 3)
    for side in (heads.q, heads.k):
        side[:, 1:] = 0.0
    thin = reduce_heads(heads, roots(), 2, 1, Attention("q", "k", "v", "o", scaled=True))
    torch.testing.assert_close(circuits(thin)[0] / 1**0.5, circuits(heads)[0] / CHANNELS**0.5)


def test_every_head_is_in_one_group_and_no_group_is_empty():
    cost = drawn(7, 7, seed=1).abs()
    cost[2, 5] = cost[5, 2] = 0.0
    cost.fill_diagonal_(0.0)
    groups = group_heads(cost, 4)
    assert all(len(members) for members in groups)
    assert sorted(int(i) for members in groups for i in members) == list(range(7))
    assert [members.tolist() for members in group_heads(cost, 7)] == [[i] for i in range(7)]
