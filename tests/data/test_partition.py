import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedot.data.partition import MIN_ROWS, PARTITIONERS, share_out
from fedot.errors import FedotError
from fedot.scenario import PartitionSpec


def _spec(kind: str, count: int, alpha: float = 0.5) -> PartitionSpec:
    sizes = tuple(float(i + 1) for i in range(count)) if kind == "by-size" else None
    return PartitionSpec(kind=kind, count=count, alpha=alpha, sizes=sizes)


@pytest.mark.parametrize("kind", PARTITIONERS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), count=st.integers(2, 9), n_class=st.integers(2, 5), alpha=st.floats(0.01, 10))
def test_parts_are_disjoint_covering_and_decided_by_the_seed(
    kind: str, seed: int, count: int, n_class: int, alpha: float
) -> None:
    labels = np.random.default_rng(seed).integers(n_class, size=count * count * 15)
    labels[:n_class] = np.arange(n_class)
    spec = _spec(kind, count, alpha)
    parts = PARTITIONERS[kind](labels, spec, np.random.default_rng(seed))
    again = PARTITIONERS[kind](labels, spec, np.random.default_rng(seed))
    assert len(parts) == count
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    for part, same in zip(parts, again, strict=True):
        np.testing.assert_array_equal(part, same)
        assert len(part) >= MIN_ROWS
    other = PARTITIONERS[kind](labels, spec, np.random.default_rng(seed + 1))
    assert any(not np.array_equal(part, different) for part, different in zip(parts, other, strict=True))


def test_small_alpha_skews_classes_and_a_large_one_does_not() -> None:
    labels = np.repeat(np.arange(2), 4000)

    def spread(alpha: float) -> float:
        parts = PARTITIONERS["dirichlet"](labels, _spec("dirichlet", 8, alpha), np.random.default_rng(0))
        return float(np.std([labels[part].mean() for part in parts]))

    assert spread(0.1) > 0.3
    assert spread(1000.0) < 0.05


def test_iid_sizes_differ_by_one_row_at_most() -> None:
    sizes = [len(p) for p in PARTITIONERS["iid"](np.zeros(103, int), _spec("iid", 4), np.random.default_rng(0))]
    assert sorted(sizes) == [25, 26, 26, 26]


def test_by_size_follows_the_sizes() -> None:
    spec = PartitionSpec(kind="by-size", count=3, sizes=(0.5, 0.3, 0.2))
    sizes = [len(p) for p in PARTITIONERS["by-size"](np.zeros(1000, int), spec, np.random.default_rng(0))]
    assert sizes == [500, 300, 200]


@pytest.mark.parametrize("kind", PARTITIONERS)
def test_too_few_rows_are_refused(kind: str) -> None:
    labels = np.arange(29) % 2
    with pytest.raises(FedotError, match="too few for 3 clients"):
        PARTITIONERS[kind](labels, _spec(kind, 3), np.random.default_rng(0))


def test_a_client_with_a_tiny_share_is_refused() -> None:
    spec = PartitionSpec(kind="by-size", count=2, sizes=(0.999, 0.001))
    with pytest.raises(FedotError, match="leave client 1 with 1 of 1000 rows"):
        PARTITIONERS["by-size"](np.zeros(1000, int), spec, np.random.default_rng(0))


def test_dirichlet_needs_classes() -> None:
    with pytest.raises(FedotError, match="at least two classes"):
        PARTITIONERS["dirichlet"](np.zeros(100, int), _spec("dirichlet", 2), np.random.default_rng(0))


def test_test_rows_are_shared_out_whole() -> None:
    parts = share_out(10, 3, np.random.default_rng(0))
    assert sorted(np.concatenate(parts)) == list(range(10))
    with pytest.raises(FedotError, match="2 test rows cannot be shared out over 3"):
        share_out(2, 3, np.random.default_rng(0))
