import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, brier_score_loss, confusion_matrix, f1_score, log_loss

from fedot.errors import FedotError
from fedot.evaluation.metrics import METRICS, Tally, tally


def draw(seed, n=200, n_class=3):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n_class), n), rng.integers(0, n_class, n)


P, Y = draw(0)
FIELDS = ("nll_sum", "brier_sum", "confusion", "bin_count", "bin_confidence", "bin_correct")


@given(seed=st.integers(0, 10**6), n=st.integers(4, 60), n_class=st.integers(2, 5))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_metrics_agree_with_scikit_learn(seed, n, n_class):
    p, y = draw(seed, n, n_class)
    got, predicted, classes = tally(p, y).metrics(), p.argmax(1), list(range(n_class))
    occurring = sorted({*y.tolist(), *predicted.tolist()})
    assert got["accuracy"] == pytest.approx(accuracy_score(y, predicted))
    assert got["f1_weighted"] == pytest.approx(f1_score(y, predicted, average="weighted"))
    assert got["f1_macro"] == pytest.approx(f1_score(y, predicted, average="macro", labels=occurring))
    assert got["nll"] == pytest.approx(log_loss(y, p, labels=classes))
    assert got["brier"] == pytest.approx(np.square(p - np.eye(n_class)[y]).sum(1).mean())
    np.testing.assert_array_equal(tally(p, y).confusion, confusion_matrix(y, predicted, labels=classes))


def test_brier_of_two_classes_is_twice_that_of_scikit_learn():
    p, y = draw(1, n_class=2)
    assert METRICS["brier"](tally(p, y)) == pytest.approx(2 * brier_score_loss(y, p[:, 1]))


def test_ece_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    expected = (abs(1.8 - 1) + abs(0.6 - 1) + abs(0.8 - 1)) / 4
    got = tally(probabilities, np.array([0, 1, 0, 1]))
    assert METRICS["ece"](got) == pytest.approx(expected)
    one_bin = tally(probabilities, np.array([0, 1, 0, 1]), n_bins=1)
    assert METRICS["ece"](one_bin) == pytest.approx(abs(0.9 + 0.9 + 0.6 + 0.8 - 3) / 4)


def test_bins_hold_every_prediction_once():
    t = tally(P, Y, n_bins=10)
    assert t.bin_count.sum() == t.count == len(Y)
    assert t.bin_confidence.sum() == pytest.approx(P.max(1).sum())
    assert t.bin_correct.sum() == (P.argmax(1) == Y).sum()
    filled = t.bin_count > 0
    mean = t.bin_confidence[filled] / t.bin_count[filled]
    edges = np.arange(10)[filled] / 10
    assert ((mean >= edges) & (mean <= edges + 0.1)).all()


@given(seed=st.integers(0, 10**6), cut=st.integers(1, 49))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_tallies_add_up(seed, cut):
    p, y = draw(seed, 50)
    whole, parts = tally(p, y), tally(p[:cut], y[:cut]) + tally(p[cut:], y[cut:])
    for name in FIELDS:
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12, atol=1e-12)
    for name in ("confusion", "bin_count", "bin_correct"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_tallies_over_different_classes_do_not_add_up():
    with pytest.raises(FedotError, match="3 and 2 classes"):
        _ = tally(P, Y) + tally(np.eye(2), np.array([0, 1]))


def test_a_tally_survives_the_wire():
    t = tally(P, Y)
    again = Tally.from_record(json.loads(json.dumps(t.to_record())))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(again, name), getattr(t, name))


@pytest.mark.parametrize(
    "change",
    [
        {"nll-sum": None},
        {"brier-sum": "x"},
        {"confusion": [1.0, 2.0, 3.0]},
        {"confusion": 4.0},
        {"bin-count": ["a"]},
    ],
)
def test_a_malformed_record_is_told(change):
    record = tally(P, Y).to_record()
    with pytest.raises(FedotError, match="cannot be read"):
        Tally.from_record({**record, **change})
    (key,) = change
    del record[key]
    with pytest.raises(FedotError, match="cannot be read"):
        Tally.from_record(record)


@pytest.mark.parametrize("name", METRICS)
def test_perfect_is_best(name):
    higher = name in ("accuracy", "f1_weighted", "f1_macro")
    perfect = METRICS[name](tally(np.eye(3)[Y], Y))
    assert perfect == pytest.approx(1.0 if higher else 0.0)
    other = METRICS[name](tally(P, Y))
    assert other < perfect if higher else other > perfect


def test_a_class_that_never_occurs_counts_for_nothing():
    two, three = np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([[0.9, 0.1, 0.0], [0.4, 0.6, 0.0]])
    labels = np.array([0, 0])
    assert tally(three, labels).metrics() == pytest.approx(tally(two, labels).metrics())


def test_a_confident_mistake_is_bad_but_finite():
    t = tally(np.array([[1.0, 0.0]]), np.array([1]))
    assert METRICS["nll"](t) == pytest.approx(-np.log(1e-12))
    assert METRICS["brier"](t) == 2.0


def test_bad_input_is_refused():
    with pytest.raises(FedotError, match="0 predictions"):
        tally(np.zeros((0, 2)), np.zeros(0, dtype=int))
    with pytest.raises(FedotError, match="2 predictions for 1 labels"):
        tally(np.eye(2), np.array([0]))
    for label in (-1, 2):
        with pytest.raises(FedotError, match="classes go from 0 to 1"):
            tally(np.eye(2), np.array([0, label]))
    with pytest.raises(FedotError, match="not finite"):
        tally(np.array([[np.nan, 0.5]]), np.array([0]))
