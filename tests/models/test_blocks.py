import pytest
import torch

from fedot.fusion.align.align import circuit_distance
from fedot.fusion.canonical.canonicalise import Heads, balance_heads, channels, planes
from fedot.models.blocks import causal_mask, turn


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_rotary_scores_depend_on_differences_of_positions_alone():
    q, k = (normal(1, 1, 1, 6, seed=seed).expand(1, 1, 9, 6) for seed in (0, 1))
    scores = (turn(q) @ turn(k).mT)[0, 0]
    for shift in range(-8, 9):
        diagonal = scores.diagonal(shift)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert scores[0].std() > 1e-3


def test_turning_keeps_lengths_and_the_first_position():
    x = normal(2, 3, 5, 8)
    torch.testing.assert_close(turn(x).norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(turn(x)[:, :, 0], x[:, :, 0])


def test_a_causal_mask_hides_the_future_and_padding_but_never_everything():
    ids = torch.tensor([[3, 4, 5, 0], [0, 4, 5, 6]])
    mask = causal_mask(ids)[:, 0]
    assert mask[0].tolist() == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]
    assert mask[1, 0].tolist() == [True, False, False, False]
    assert mask[1, 3].tolist() == [False, True, True, True]
    assert mask.any(2).all()


def heads(seed, count=3, d_head=4, width=5):
    q, k, v, o = (normal(count, d_head, width + extra, seed=seed + i) for i, extra in enumerate((1, 1, 0, 0)))
    return Heads(q, k, v, o)


def turned(each, seed):
    """The same rotary heads, their planes turned and scaled."""
    number = torch.complex(normal(3, 2, 1, seed=seed), normal(3, 2, 1, seed=seed + 1))
    return Heads(channels(planes(each.q) * number), channels(planes(each.k) / number.conj()), each.v, each.o)


def scores(each, shift):
    """The circuits (H, width, width) of rotary heads for one difference of positions."""
    rows = each.k.mT[:, :, None].expand(-1, -1, shift + 1, -1)  # (H, width, positions, d_head)
    return each.q.mT @ turn(rows)[:, :, shift].mT


def test_channels_and_planes_are_inverse():
    factor = normal(3, 6, 5)
    torch.testing.assert_close(channels(planes(factor)), factor)


@pytest.mark.parametrize("shift", [0, 1, 5])
def test_balancing_rotary_heads_keeps_their_circuits_and_equals_the_planes(shift):
    each = heads(0)
    got = balance_heads(each, rotary=True)
    torch.testing.assert_close(scores(got, shift), scores(each, shift))
    torch.testing.assert_close(scores(turned(each, 5), shift), scores(each, shift))
    torch.testing.assert_close(planes(got.q).norm(dim=2), planes(got.k).norm(dim=2))
    torch.testing.assert_close(got.o.mT @ got.v, each.o.mT @ each.v)


def test_the_distance_of_rotary_heads_sees_circuits_only():
    a, b = heads(0), heads(10)
    want = circuit_distance(a, b, rotary=True)
    torch.testing.assert_close(circuit_distance(turned(a, 3), b, rotary=True), want)
    torch.testing.assert_close(circuit_distance(a, turned(b, 3), rotary=True), want)
    assert circuit_distance(a, turned(a, 3), rotary=True).diagonal().abs().max() < 1e-12
    mix = normal(3, 4, 4, seed=7)  # keeps the circuit of equal positions only
    mixed = Heads(mix @ a.q, torch.linalg.inv(mix).mT @ a.k, a.v, a.o)
    assert circuit_distance(a, mixed).diagonal().abs().max() < 1e-9
    assert circuit_distance(a, mixed, rotary=True).diagonal().min() > 1e-2


def test_the_distance_of_rotary_heads_is_the_mean_over_all_turns():
    a, b = heads(0, count=1, d_head=2), heads(10, count=1, d_head=2)
    b.v, b.o = a.v, a.o  # only the scores differ
    angles = torch.arange(360, dtype=torch.float64).deg2rad()
    total, sizes = 0.0, 0.0
    for angle in angles:
        rotation = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).reshape(2, 2)
        x, y = (each.q[0].T @ rotation @ each.k[0] for each in (a, b))
        total += (x - y).square().sum()
        sizes += x.square().sum() + y.square().sum()
    torch.testing.assert_close(circuit_distance(a, b, rotary=True)[0, 0], total / sizes)
