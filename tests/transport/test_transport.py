import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedot.errors import FedotError
from fedot.transport import GROUND_COSTS, SOLVERS, Coupling, solve

FEW = settings(max_examples=12, deadline=None, derandomize=True)
seeds = st.integers(0, 10**6)
sizes = st.integers(1, 9)


def masses(rng, *lengths):
    return tuple(rng.dirichlet(np.ones(length)) * 0.9 + 0.1 / length for length in lengths)


@pytest.mark.parametrize("name", GROUND_COSTS)
@FEW
@given(seed=seeds, n=sizes, m=sizes)
def test_ground_costs_are_positive_and_follow_a_permutation(name, seed, n, m):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 5)), rng.normal(size=(m, 5))
    cost = GROUND_COSTS[name](x, y)
    assert cost.shape == (n, m)
    assert cost.min() >= 0
    rows, columns = rng.permutation(n), rng.permutation(m)
    np.testing.assert_allclose(GROUND_COSTS[name](x[rows], y[columns]), cost[rows][:, columns], atol=1e-12)
    np.testing.assert_allclose(GROUND_COSTS[name](y, x), cost.T, atol=1e-12)


@pytest.mark.parametrize("name", GROUND_COSTS)
def test_ground_costs_vanish_between_equal_rows_only(name):
    x = np.random.default_rng(0).normal(size=(7, 5))
    cost = GROUND_COSTS[name](x, x)
    np.testing.assert_allclose(np.diag(cost), 0, atol=1e-7)
    assert (cost + np.eye(7)).min() > 1e-3


def test_ground_costs_by_hand():
    x, y = np.array([[3.0, 0.0, 0.0]]), np.array([[0.0, 4.0, 0.0], [6.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(GROUND_COSTS["squared-euclidean"](x, y), [[25, 9, 16, 9]])
    np.testing.assert_allclose(GROUND_COSTS["euclidean"](x, y), [[5, 3, 4, 3]])
    np.testing.assert_allclose(GROUND_COSTS["cosine"](x, y), [[1, 0, 2, 1]])
    np.testing.assert_allclose(GROUND_COSTS["correlation"](x, y), [[1.5, 0, 2, 1]])


@pytest.mark.parametrize("name", SOLVERS)
@FEW
@given(seed=seeds, n=sizes, m=sizes)
def test_couplings_have_their_marginals(name, seed, n, m):
    rng = np.random.default_rng(seed)
    cost = rng.random((n, m))
    a, b = masses(rng, n, m)
    coupling = solve(name, cost, a, b)
    assert np.isfinite(coupling.plan).all()
    assert coupling.plan.min() >= 0
    assert coupling.plan.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(coupling.plan.sum(1), coupling.source_mass, atol=1e-12)
    np.testing.assert_allclose(coupling.plan.sum(0), coupling.anchor_mass, atol=1e-12)
    assert coupling.cost == pytest.approx((coupling.plan * cost).sum())
    if name == "exact":
        np.testing.assert_allclose(coupling.plan.sum(1), a, atol=1e-12)
        np.testing.assert_allclose(coupling.plan.sum(0), b, atol=1e-12)
    if name == "sinkhorn":
        np.testing.assert_allclose(coupling.source_mass, a, atol=1e-3)
        np.testing.assert_allclose(coupling.anchor_mass, b, atol=1e-3)
    if name != "partial":  # only it leaves neurons without any mass
        assert min(coupling.source_mass.min(), coupling.anchor_mass.min()) > 0
    np.testing.assert_allclose(coupling.write_map().sum(1), coupling.anchor_mass > 0, atol=1e-9)
    np.testing.assert_allclose(coupling.read_map().sum(0), coupling.source_mass > 0, atol=1e-9)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("uniform", [True, False])
def test_solvers_follow_a_permutation(name, uniform):
    rng = np.random.default_rng(1)
    cost = rng.random((6, 6))
    a, b = (np.full(6, 1 / 6),) * 2 if uniform else masses(rng, 6, 6)
    rows, columns = rng.permutation(6), rng.permutation(6)
    plan = solve(name, cost, a, b).plan
    moved = solve(name, cost[rows][:, columns], a[rows], b[columns]).plan
    np.testing.assert_allclose(moved, plan[rows][:, columns], atol=1e-9)


@FEW
@given(seed=seeds, n=sizes, m=sizes, uniform=st.booleans())
def test_exact_reaches_the_objective_of_emd(seed, n, m, uniform):
    rng = np.random.default_rng(seed)
    cost = rng.random((n, m))
    a, b = (np.full(n, 1 / n), np.full(m, 1 / m)) if uniform else masses(rng, n, m)
    assert solve("exact", cost, a, b).cost == pytest.approx(float((ot.emd(a, b, cost) * cost).sum()), abs=1e-12)


def test_exact_finds_a_hidden_permutation():
    order = np.random.default_rng(2).permutation(8)
    cost = 1.0 - np.eye(8)[order]
    mass = np.full(8, 1 / 8)
    np.testing.assert_array_equal(solve("exact", cost, mass, mass).plan, np.eye(8)[order] / 8)


def test_sinkhorn_comes_near_the_exact_cost_as_it_is_regularised_less():
    rng = np.random.default_rng(3)
    cost, (a, b) = rng.random((6, 5)), masses(rng, 6, 5)
    best = solve("exact", cost, a, b).cost
    excess = [solve("sinkhorn", cost, a, b, {"reg": reg}).cost - best for reg in (1.0, 0.1, 0.02)]
    assert excess[0] > excess[1] > excess[2]
    assert excess[2] < 0.02


def test_unbalanced_leaves_an_outlier_unmatched():
    cost = np.ones((4, 4)) - np.eye(4)
    cost[3] = 50.0
    mass = np.full(4, 0.25)
    lax = solve("unbalanced", cost, mass, mass, {"mass-penalty": 0.05}).source_mass
    strict = solve("unbalanced", cost, mass, mass, {"mass-penalty": 100.0}).source_mass
    assert lax[3] < 1e-3
    np.testing.assert_allclose(strict, mass, atol=0.02)


@FEW
@given(seed=seeds, n=sizes, m=sizes, share=st.floats(0.05, 0.99))
def test_partial_moves_its_share_within_the_masses(seed, n, m, share):
    rng = np.random.default_rng(seed)
    cost, (a, b) = rng.random((n, m)), masses(rng, n, m)
    coupling = solve("partial", cost, a, b, {"mass-share": share})
    assert (coupling.source_mass * share <= a + 1e-9).all()
    assert (coupling.anchor_mass * share <= b + 1e-9).all()
    assert coupling.cost <= solve("exact", cost, a, b).cost + 1e-9


def test_partial_merges_the_cheapest_pairs_and_leaves_the_rest():
    cost = np.ones((4, 4)) * 9
    cost[[0, 1, 2, 3], [2, 0, 3, 1]] = [0.1, 0.2, 0.3, 0.4]
    mass = np.full(4, 0.25)
    plan = solve("partial", cost, mass, mass, {"mass-share": 0.5}).plan
    expected = np.zeros((4, 4))
    expected[[0, 1], [2, 0]] = 0.5
    np.testing.assert_allclose(plan, expected, atol=1e-9)
    whole = solve("partial", cost, mass, mass, {"mass-share": 1.0})
    np.testing.assert_array_equal(whole.plan, solve("exact", cost, mass, mass).plan)


@pytest.mark.parametrize("name", SOLVERS)
def test_neurons_that_are_all_alike_are_no_obstacle(name):
    mass = np.full(3, 1 / 3)
    coupling = solve(name, np.zeros((3, 3)), mass, mass, {"mass-share": 1.0})
    assert coupling.cost == 0
    np.testing.assert_allclose(coupling.plan.sum(1), mass, atol=1e-9)


@pytest.mark.parametrize("name", SOLVERS)
def test_masses_are_scaled_to_sum_one(name):
    rng = np.random.default_rng(4)
    cost, (a, b) = rng.random((3, 4)), masses(rng, 3, 4)
    np.testing.assert_allclose(solve(name, cost, 5 * a, 2 * b).plan, solve(name, cost, a, b).plan, atol=1e-12)


@pytest.mark.parametrize("name", SOLVERS)
def test_bad_problems_are_refused(name):
    mass = np.full(3, 1 / 3)
    for bad in ([0.5, 0.5, 0.0], [0.5, 0.7, -0.2], [0.5, 0.5, np.nan]):
        with pytest.raises(FedotError, match="no mass"):
            solve(name, np.ones((3, 3)), np.array(bad), mass)
        with pytest.raises(FedotError, match="no mass"):
            solve(name, np.ones((3, 3)), mass, np.array(bad))
    for bad in (np.nan, np.inf):
        cost = np.ones((3, 3))
        cost[1, 2] = bad
        with pytest.raises(FedotError, match="not finite"):
            solve(name, cost, mass, mass)
    with pytest.raises(FedotError, match=r"shape \(2, 3\).*lengths 3, 3"):
        solve(name, np.ones((2, 3)), mass, mass)


def test_an_unknown_solver_names_the_choices():
    with pytest.raises(FedotError, match=r"'simplex'.*exact, sinkhorn, unbalanced"):
        solve("simplex", np.ones((1, 1)), np.ones(1), np.ones(1))


def test_maps_of_a_coupling_by_hand():
    plan = np.array([[0.2, 0.1, 0.0], [0.0, 0.3, 0.4]])
    coupling = Coupling(plan, plan.sum(1), plan.sum(0), 0.0)
    np.testing.assert_allclose(coupling.write_map(), [[1, 0], [0.25, 0.75], [0, 1]])
    np.testing.assert_allclose(coupling.read_map(), [[2 / 3, 0], [1 / 3, 3 / 7], [0, 4 / 7]])
    assert coupling.distance_from_identity() == pytest.approx(0.5)
    # What is written through the one and read through the other is what it was, where neurons are only split.
    split = np.array([[0.1, 0.3, 0.0], [0.0, 0.0, 0.6]])
    whole = Coupling(split, split.sum(1), split.sum(0), 0.0)
    np.testing.assert_allclose(whole.read_map().T @ whole.write_map(), np.eye(2), atol=1e-12)
