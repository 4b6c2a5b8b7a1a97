"""Temperature scaling (Guo et al. 2017, section 4.2) where no prediction may leave a client.

A client tries a fixed grid of temperatures: on its validation data it sums the losses, on its test data what the
calibration metrics need. These sums add up over clients; the temperature with the least validation loss is then chosen
from the pooled sums, and the test sums at that temperature are read off. Test data have no say in the choice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedot.errors import FedotError
from fedot.evaluation.metrics import Floats, Tally, brier, ece, nll, tally

# From 1/32, for averages of models that have become unsure of everything, to 8: steps of a quarter octave.
TEMPERATURES = tuple(2.0 ** (step / 4) for step in range(-20, 13))
SMALLEST = 1e-12


@dataclass(frozen=True, slots=True)
class CalibratedTally(Tally):
    """A tally together with sums at every temperature of the grid.

    `validation_nll` sums losses on `validation_count` validation rows (both (G,)); the `scaled_` arrays, (G,) and
    (G, bins), are the test sums of `Tally` under each temperature. Classes predicted do not change with it.
    """

    validation_count: Floats
    validation_nll: Floats
    scaled_nll: Floats
    scaled_brier: Floats
    scaled_bin_count: Floats
    scaled_bin_confidence: Floats
    scaled_bin_correct: Floats

    def __add__(self, other: Tally) -> Tally:
        plain = Tally.__add__(self, other)
        if not isinstance(other, CalibratedTally):
            return plain
        return _extended(plain, {name: getattr(self, name) + getattr(other, name) for name in GRID})

    def to_record(self) -> dict[str, float | list[float]]:
        """Write the tally as plain numbers and flat lists."""
        grid = {name.replace("_", "-"): np.ravel(getattr(self, name)).tolist() for name in GRID}
        return {**Tally.to_record(self), **grid}

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> "CalibratedTally":
        """Read what `to_record` wrote.

        Raises
        ------
        FedotError
            If a field is missing or malformed.
        """
        plain = Tally.from_record(record)
        try:
            flat = {name: np.asarray(record[name.replace("_", "-")], dtype=np.float64) for name in GRID}
            shaped = {name: array.reshape(len(TEMPERATURES), -1) for name, array in flat.items()}
            return _extended(plain, {name: a.ravel() if "_bin_" not in name else a for name, a in shaped.items()})
        except (KeyError, ValueError, TypeError) as error:
            raise FedotError(f"a client's calibration cannot be read ({type(error).__name__})") from error


GRID = tuple(field.name for field in fields(CalibratedTally) if field.name not in Tally.__slots__)


def _extended(plain: Tally, grid: Mapping[str, Floats]) -> CalibratedTally:
    known: dict[str, Any] = {name: getattr(plain, name) for name in Tally.__slots__}
    return CalibratedTally(**known, **dict[str, Any](grid))


def scaled(probabilities: Floats, temperature: float) -> Floats:
    """Divide log-probabilities (n, C) by a temperature and normalise again.

    For a softmax that is the same as dividing its logits; it serves mixtures of models just as well.
    """
    logits = np.log(np.maximum(probabilities, SMALLEST)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    result: Floats = powers / powers.sum(1, keepdims=True)
    return result


def calibrated_tally(
    probabilities: Floats,
    labels: NDArray[np.integer],
    validation: Floats,
    validation_labels: NDArray[np.integer],
) -> CalibratedTally:
    """Reduce predictions on test data, and on validation data (which may be empty), to sums.

    Raises
    ------
    FedotError
        As `fedot.evaluation.metrics.tally` does.
    """
    plain = tally(probabilities, labels)
    tried = [tally(scaled(probabilities, temperature), labels) for temperature in TEMPERATURES]
    losses = [
        tally(scaled(validation, temperature), validation_labels).nll_sum if len(validation_labels) else 0.0
        for temperature in TEMPERATURES
    ]
    return _extended(
        plain,
        {
            "validation_count": np.full(len(TEMPERATURES), float(len(validation_labels))),
            "validation_nll": np.asarray(losses),
            "scaled_nll": np.asarray([each.nll_sum for each in tried]),
            "scaled_brier": np.asarray([each.brier_sum for each in tried]),
            "scaled_bin_count": np.stack([each.bin_count for each in tried]),
            "scaled_bin_confidence": np.stack([each.bin_confidence for each in tried]),
            "scaled_bin_correct": np.stack([each.bin_correct for each in tried]),
        },
    )


def choose_temperature(tallies: Sequence[Tally]) -> int | None:
    """Choose the place on the grid with the least validation loss of all clients together.

    Without validation rows it is the place of temperature 1; None if the tallies hold no calibration.
    """
    found = [each for each in tallies if isinstance(each, CalibratedTally)]
    if not found:
        return None
    if not any(each.validation_count.any() for each in found):
        return TEMPERATURES.index(1.0)
    return int(np.argmin(reduce(add, (each.validation_nll for each in found))))


def at_temperature(t: CalibratedTally, place: int) -> Tally:
    """Test sums under one temperature of the grid."""
    return Tally(
        float(t.scaled_nll[place]),
        float(t.scaled_brier[place]),
        t.confusion,
        t.scaled_bin_count[place],
        t.scaled_bin_confidence[place],
        t.scaled_bin_correct[place],
    )


def scaled_metrics(t: Tally, place: int | None) -> dict[str, float]:
    """Calibration metrics under the chosen temperature, and that temperature; nothing without calibration."""
    if not isinstance(t, CalibratedTally) or place is None:
        return {}
    best = at_temperature(t, place)
    return {
        "nll_scaled": nll(best),
        "brier_scaled": brier(best),
        "ece_scaled": ece(best),
        "temperature": TEMPERATURES[place],
    }


def scaled_bins(t: Tally, place: int | None) -> dict[str, list[float]]:
    """Reliability sums under the chosen temperature, as results hold them; nothing without calibration."""
    if not isinstance(t, CalibratedTally) or place is None:
        return {}
    best = at_temperature(t, place)
    return {
        "scaled_bin_count": best.bin_count.tolist(),
        "scaled_bin_confidence": best.bin_confidence.tolist(),
        "scaled_bin_correct": best.bin_correct.tolist(),
    }
