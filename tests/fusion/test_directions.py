"""Which directions of a stream are kept, and what readers see through them."""

import pytest
import torch

from fedot.fusion.reduce.directions import kept_directions, loss_through, reconstruction
from fedot.fusion.reduce.moments import Moments, MomentSums


def moments(seed, d=12):
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(d, d, generator=generator, dtype=torch.float64) for _ in range(2))
    falling = torch.arange(1, d + 1, dtype=torch.float64) ** -1.5
    return Moments(a @ torch.diag(falling) @ a.T, torch.zeros(d, dtype=torch.float64), b @ torch.diag(falling) @ b.T)


def leading(matrix, size):
    return torch.linalg.eigh(matrix).eigenvectors[:, -size:]


def test_directions_are_orthonormal_and_the_identity_where_nothing_is_to_go():
    basis = kept_directions([moments(0), moments(1)], 5)
    torch.testing.assert_close(basis.T @ basis, torch.eye(5, dtype=torch.float64))
    assert torch.equal(kept_directions([moments(0)], 12), torch.eye(12, dtype=torch.float64))


def test_for_one_norm_the_loss_is_that_of_balanced_truncation():
    each = moments(0)
    # what is lost by the best projection of rank m is the sum of the trailing eigenvalues of C G
    values = torch.linalg.eigvals(each.second @ each.sensitivity).real.sort().values
    for size in (3, 6, 9):
        expected = values[: 12 - size].sum() / values.sum()
        torch.testing.assert_close(loss_through([each])(kept_directions([each], size)), expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_for_many_norms_less_is_lost_than_through_directions_that_only_one_side_chooses(seed):
    several = [moments(seed), moments(seed + 1), moments(seed + 7)]
    lost = loss_through(several)
    found = lost(kept_directions(several, 4))
    for side in ("second", "sensitivity"):
        mean = torch.stack([getattr(each, side) for each in several]).mean(0)
        assert found < lost(leading(mean, 4))


def test_a_direction_that_the_outputs_hang_on_is_kept_however_little_it_moves():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(500, 6, generator=generator, dtype=torch.float64) * torch.tensor([9.0, 8, 7, 6, 5, 0.1])
    slopes = torch.zeros(500, 6, dtype=torch.float64)
    slopes[:, 5] = 1.0
    sums = MomentSums(6)
    for part in (slice(0, 123), slice(123, 500)):
        sums.add(rows[part], slopes[part])
    basis = kept_directions([sums.moments()], 3)
    assert loss_through([sums.moments()])(basis) < 1e-3


def test_readers_see_what_follows_from_the_coordinates():
    generator = torch.Generator().manual_seed(0)
    seen = torch.randn(400, 3, generator=generator, dtype=torch.float64)
    rows = seen @ torch.randn(3, 8, generator=generator, dtype=torch.float64)  # three directions tell all
    basis = torch.linalg.qr(torch.randn(8, 3, generator=generator, dtype=torch.float64)).Q
    estimate = rows @ basis @ reconstruction(rows.T @ rows / 400, basis).T
    torch.testing.assert_close(estimate, rows, atol=1e-4, rtol=1e-3)


def test_readers_stay_as_they_are_along_directions_that_nobody_has_seen():
    rows = drawn = torch.randn(4, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    second = (drawn.float().T @ rows.float()).double() / 4  # of rank 4, and with the rounding of float32
    torch.testing.assert_close(reconstruction(second, torch.eye(8).double()), torch.eye(8).double())
    basis = torch.linalg.qr(torch.randn(8, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)).Q
    found = reconstruction(second, basis)
    torch.testing.assert_close(basis.T @ found, torch.eye(6, dtype=torch.float64))
    assert found.norm() < 20
