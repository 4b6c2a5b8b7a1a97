import numpy as np
import ot
import pytest

from fedot.errors import FedotError
from fedot.transport import GROUND_COSTS, SOLVERS, solve

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", GROUND_COSTS)
def test_ground_costs(name):
    x, y = RNG.normal(size=(7, 5)), RNG.normal(size=(4, 5))
    cost = GROUND_COSTS[name](x, y)
    assert cost.shape == (7, 4)
    assert cost.min() >= 0
    np.testing.assert_allclose(np.diag(GROUND_COSTS[name](x, x)), 0, atol=1e-7)
    order = RNG.permutation(7)
    np.testing.assert_allclose(GROUND_COSTS[name](x[order], y), cost[order], atol=1e-12)


@pytest.mark.parametrize("name", SOLVERS)
def test_couplings_have_their_marginals(name):
    cost = RNG.random((6, 4))
    a, b = RNG.random(6) + 0.1, RNG.random(4) + 0.1
    a, b = a / a.sum(), b / b.sum()
    coupling = solve(name, cost, a, b)
    assert np.isfinite(coupling.plan).all()
    assert coupling.plan.sum() == pytest.approx(1)
    np.testing.assert_allclose(coupling.plan.sum(1), coupling.source_mass, atol=1e-12)
    np.testing.assert_allclose(coupling.plan.sum(0), coupling.anchor_mass, atol=1e-12)
    if name != "unbalanced":
        np.testing.assert_allclose(coupling.source_mass, a, atol=1e-6)
        np.testing.assert_allclose(coupling.anchor_mass, b, atol=1e-6)
    np.testing.assert_allclose(coupling.write_map().sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(coupling.read_map().sum(0), 1, atol=1e-12)


def test_exact_reaches_the_objective_of_emd():
    cost, mass = RNG.random((9, 9)), np.full(9, 1 / 9)
    assert solve("exact", cost, mass, mass).cost == pytest.approx(ot.emd2(mass, mass, cost))


def test_bad_problems_are_refused():
    mass = np.full(3, 1 / 3)
    with pytest.raises(FedotError, match="no mass"):
        solve("exact", np.ones((3, 3)), np.array([0.5, 0.5, 0.0]), mass)
    with pytest.raises(FedotError, match="not finite"):
        solve("exact", np.full((3, 3), np.nan), mass, mass)
    with pytest.raises(FedotError, match="shape"):
        solve("exact", np.ones((2, 3)), mass, mass)
    with pytest.raises(FedotError, match="choose from"):
        solve("simplex", np.ones((3, 3)), mass, mass)
