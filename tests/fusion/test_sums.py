"""Sums whose order leaves no trace."""

from fractions import Fraction

import pytest
import torch

from fedot.fusion.align.weighted_sums import ExactSum


@pytest.mark.parametrize("seed", range(5))
def test_the_order_does_not_matter_to_the_bit(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.exp2(torch.randint(-20, 21, (64, 300), generator=generator).float())
    terms = torch.randn(64, 300, generator=generator) * sizes
    totals = []
    for order in (range(64), reversed(range(64)), torch.randperm(64, generator=generator).tolist()):
        total = ExactSum()
        for k in order:
            total.add({"a": terms[k]})
        totals.append(total.of("a"))
    assert torch.equal(totals[0], totals[1])
    assert torch.equal(totals[0], totals[2])
    exact = [float(sum(Fraction(value) for value in column)) for column in terms.T.tolist()]
    assert totals[0].tolist() == exact
    naive = torch.stack([terms[k].double() for k in range(64)]).cumsum(0)[-1]
    assert not torch.equal(naive, totals[0])  # or this test would show nothing


def test_terms_are_not_changed() -> None:
    first, total = torch.ones(3, dtype=torch.float64), ExactSum()
    total.add({"a": first})
    total.add({"a": torch.ones(3)})
    assert first.tolist() == [1, 1, 1]
    assert total.of("a").tolist() == [2, 2, 2]
