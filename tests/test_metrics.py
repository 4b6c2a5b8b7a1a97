import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss

from fedot.errors import FedotError
from fedot.metrics import METRICS, Tally, all_metrics, tally

RNG = np.random.default_rng(0)
P = RNG.dirichlet(np.ones(3), 200)
Y = RNG.integers(0, 3, 200)


def test_metrics_agree_with_scikit_learn():
    got, predicted = all_metrics(tally(P, Y)), P.argmax(1)
    assert got["accuracy"] == pytest.approx(accuracy_score(Y, predicted))
    assert got["f1_weighted"] == pytest.approx(f1_score(Y, predicted, average="weighted"))
    assert got["f1_macro"] == pytest.approx(f1_score(Y, predicted, average="macro"))
    assert got["nll"] == pytest.approx(log_loss(Y, P))
    assert got["brier"] == pytest.approx(np.square(P - np.eye(3)[Y]).sum(1).mean())


def test_ece_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    expected = (abs(1.8 - 1) + abs(0.6 - 1) + abs(0.8 - 1)) / 4
    assert METRICS["ece"](tally(probabilities, np.array([0, 1, 0, 1]))) == pytest.approx(expected)


def test_tallies_add_up_and_survive_the_wire():
    parts = tally(P[:70], Y[:70]) + tally(P[70:], Y[70:])
    assert all_metrics(parts) == pytest.approx(all_metrics(tally(P, Y)))
    again = Tally.from_record(parts.to_record())
    assert all_metrics(again) == all_metrics(parts)
    with pytest.raises(FedotError, match="cannot be read"):
        Tally.from_record({"nll-sum": 1.0})
    with pytest.raises(FedotError, match="3 and 2 classes"):
        _ = parts + tally(np.eye(2), np.array([0, 1]))


@pytest.mark.parametrize("name", METRICS)
def test_perfect_is_best(name):
    perfect = METRICS[name](tally(np.eye(3)[Y], Y))
    assert perfect == pytest.approx(1.0 if name in ("accuracy", "f1_weighted", "f1_macro") else 0.0)


def test_bad_input_is_refused():
    with pytest.raises(FedotError, match="0 predictions"):
        tally(np.zeros((0, 2)), np.zeros(0, dtype=int))
    with pytest.raises(FedotError, match="classes go from 0 to 1"):
        tally(np.eye(2), np.array([0, 2]))
