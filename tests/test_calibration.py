import json
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from fedot.errors import FedotError
from fedot.evaluation.calibration import (
    GRID,
    TEMPERATURES,
    CalibratedTally,
    at_temperature,
    calibrated_tally,
    choose_temperature,
    scaled,
    scaled_bins,
    scaled_metrics,
)
from fedot.evaluation.metrics import Tally, tally


def draw(seed, n=4000, sharpness=3.0):
    """Logits that are `sharpness` times too sure: their right temperature is `sharpness`."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 1.5, (n, 3))
    cumulative = softmax(honest, 1).cumsum(1)
    labels = (rng.random((n, 1)) > cumulative[:, :-1]).sum(1)
    return sharpness * honest, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_scaling_probabilities_is_scaling_logits(temperature):
    logits, _ = draw(0, n=50, sharpness=1.0)
    np.testing.assert_allclose(scaled(softmax(logits, 1), temperature), softmax(logits / temperature, 1), atol=1e-9)


@pytest.mark.parametrize("sharpness", [0.25, 3.0])
def test_the_right_temperature_is_found_from_pooled_sums_and_mends_calibration(sharpness):
    clients = []
    for seed in (1, 2):
        validation, known = draw(seed, sharpness=sharpness)
        test, labels = draw(seed + 10, sharpness=sharpness)
        clients.append(calibrated_tally(softmax(test, 1), labels, softmax(validation, 1), known))
    place = choose_temperature(clients)
    best = minimize_scalar(
        lambda t: sum(
            -np.log(softmax(logits / t, 1)[np.arange(len(y)), y]).sum()
            for logits, y in (draw(seed, sharpness=sharpness) for seed in (1, 2))
        ),
        bounds=(0.02, 10),
        method="bounded",
    ).x
    assert abs(math.log2(TEMPERATURES[place] / best)) <= 0.126  # half a step of the grid
    total = clients[0] + clients[1]
    assert isinstance(total, CalibratedTally)
    before, after = total.metrics(), scaled_metrics(total, place)
    assert after["temperature"] == TEMPERATURES[place]
    assert after["ece_scaled"] < 0.3 * before["ece"]
    assert after["nll_scaled"] < before["nll"]
    assert after["brier_scaled"] < before["brier"]
    assert at_temperature(total, place).metrics()["accuracy"] == before["accuracy"]


def test_test_labels_have_no_say_in_the_temperature():
    validation, known = draw(3)
    test, labels = draw(4)
    honest = calibrated_tally(softmax(test, 1), labels, softmax(validation, 1), known)
    turned = calibrated_tally(softmax(test, 1), (labels + 1) % 3, softmax(validation, 1), known)
    assert choose_temperature([honest]) == choose_temperature([turned])
    other = calibrated_tally(softmax(test, 1), labels, softmax(validation, 1), (known + 1) % 3)
    assert choose_temperature([other]) != choose_temperature([honest])


def test_temperature_one_changes_nothing():
    test, labels = draw(5)
    t = calibrated_tally(softmax(test, 1), labels, softmax(test, 1)[:0], labels[:0])
    assert choose_temperature([t]) == TEMPERATURES.index(1.0)  # no validation rows
    metrics = scaled_metrics(t, TEMPERATURES.index(1.0))
    for name in ("nll", "brier", "ece"):
        assert metrics[f"{name}_scaled"] == pytest.approx(t.metrics()[name], abs=1e-9)


def test_pooled_sums_are_those_of_pooled_predictions():
    test, labels = draw(6, n=200)
    p = softmax(test, 1)
    parts = calibrated_tally(p[:80], labels[:80], p[:80], labels[:80]) + calibrated_tally(
        p[80:], labels[80:], p[80:], labels[80:]
    )
    whole = calibrated_tally(p, labels, p, labels)
    for name in (*Tally.__slots__, *GRID):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-9, atol=1e-9)


def test_what_is_sent_is_sums_and_survives_the_wire():
    test, labels = draw(7, n=300)
    p = softmax(test, 1)
    t = calibrated_tally(p, labels, p, labels)
    record = json.loads(json.dumps(t.to_record()))
    again = CalibratedTally.from_record(record)
    for name in (*Tally.__slots__, *GRID):
        np.testing.assert_array_equal(getattr(again, name), getattr(t, name))
    longest = max(len(value) for value in record.values() if isinstance(value, list))
    assert longest == len(TEMPERATURES) * 15  # grows with the grid, not with the 300 rows


@pytest.mark.parametrize("change", [{"validation-nll": [1.0]}, {"scaled-nll": "x"}, {"scaled-bin-count": [1.0, 2.0]}])
def test_a_malformed_record_is_told(change):
    test, labels = draw(8, n=20)
    p = softmax(test, 1)
    record = calibrated_tally(p, labels, p, labels).to_record()
    with pytest.raises(FedotError, match="calibration cannot be read"):
        CalibratedTally.from_record({**record, **change})


def test_plain_tallies_have_no_temperature():
    test, labels = draw(9, n=20)
    plain = tally(softmax(test, 1), labels)
    assert choose_temperature([plain]) is None
    assert scaled_metrics(plain, None) == scaled_bins(plain, None) == {}
