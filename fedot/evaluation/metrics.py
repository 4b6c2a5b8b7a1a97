"""Metrics, computed from additive tallies.

A client reduces its predictions to a `Tally`; tallies add up, so the pooled figure over all clients is exact
although neither texts nor labels nor single predictions are sent anywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedot.errors import FedotError

Floats = NDArray[np.float64]
N_BINS = 15


@dataclass(frozen=True, slots=True)
class Tally:
    """Sufficient statistics of a classifier's predictions.

    Attributes
    ----------
    nll_sum
        Sum of negative log-likelihoods of the true classes, in nats.
    brier_sum
        Sum of squared distances between probabilities and the true class.
    confusion
        Counts, (C, C), rows the true class.
    bin_count, bin_confidence, bin_correct
        Sums over predictions whose confidence falls into each of equally wide bins (Guo et al. 2017, section 2),
        (bins,).

    Examples
    --------
    >>> one = tally(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
    >>> (one + one).count, accuracy(one + one)
    (4, 0.5)
    """

    nll_sum: float
    brier_sum: float
    confusion: Floats
    bin_count: Floats
    bin_confidence: Floats
    bin_correct: Floats

    @property
    def count(self) -> int:
        """Number of predictions."""
        return int(self.confusion.sum())

    def __add__(self, other: "Tally") -> "Tally":
        if self.confusion.shape != other.confusion.shape:
            raise FedotError(
                f"cannot add up predictions over {len(self.confusion)} and {len(other.confusion)} classes; "
                "clients of one scenario need the same label set"
            )
        return Tally(
            self.nll_sum + other.nll_sum,
            self.brier_sum + other.brier_sum,
            self.confusion + other.confusion,
            self.bin_count + other.bin_count,
            self.bin_confidence + other.bin_confidence,
            self.bin_correct + other.bin_correct,
        )

    def metrics(self) -> dict[str, float]:
        """Every metric, by name."""
        return {name: metric(self) for name, metric in METRICS.items()}

    def to_record(self) -> dict[str, float | list[float]]:
        """Write the tally as plain numbers and flat lists."""
        return {
            "nll-sum": self.nll_sum,
            "brier-sum": self.brier_sum,
            "confusion": self.confusion.ravel().tolist(),
            "bin-count": self.bin_count.tolist(),
            "bin-confidence": self.bin_confidence.tolist(),
            "bin-correct": self.bin_correct.tolist(),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> "Tally":
        """Read what `to_record` wrote.

        Raises
        ------
        FedotError
            If a field is missing or malformed.
        """
        try:
            confusion = np.asarray(record["confusion"], dtype=np.float64)
            side = round(len(confusion) ** 0.5)
            bins = (np.asarray(record[key], dtype=np.float64) for key in ("bin-count", "bin-confidence", "bin-correct"))
            return cls(
                float(record["nll-sum"]),  # type: ignore[arg-type]
                float(record["brier-sum"]),  # type: ignore[arg-type]
                confusion.reshape(side, side),
                *bins,
            )
        except (KeyError, ValueError, TypeError) as error:
            raise FedotError(f"a client's evaluation cannot be read ({type(error).__name__})") from error


def tally(probabilities: Floats, labels: NDArray[np.integer], n_bins: int = N_BINS) -> Tally:
    """Reduce class probabilities (n, C) and true labels (n,) to a `Tally`.

    Parameters
    ----------
    probabilities
        (n, C), rows summing to 1.
    labels
        Number of the true class, (n,).
    n_bins
        Number of confidence bins.

    Returns
    -------
    Tally
        Sums over the n predictions.

    Raises
    ------
    FedotError
        If there are no rows, the lengths differ, a label is not a class, or a probability is not finite.

    Examples
    --------
    >>> tally(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0])).confusion
    array([[1., 1.],
           [0., 0.]])
    """
    n, n_class = probabilities.shape
    if n == 0 or len(labels) != n:
        raise FedotError(f"got {n} predictions for {len(labels)} labels; both must be equal and above 0")
    labels = np.asarray(labels, dtype=np.int64)
    if labels.min() < 0 or labels.max() >= n_class:
        raise FedotError(f"a label is {labels.min()} or {labels.max()}, but classes go from 0 to {n_class - 1}")
    if not np.isfinite(probabilities).all():
        raise FedotError("a predicted probability is not finite; does the model hold NaN or infinite weights?")
    rows = np.arange(n)
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    confusion = np.zeros((n_class, n_class))
    np.add.at(confusion, (labels, predicted), 1.0)
    bins = np.minimum((confidence * n_bins).astype(np.int64), n_bins - 1)
    target = np.zeros_like(probabilities)
    target[rows, labels] = 1.0
    return Tally(
        nll_sum=float(-np.log(np.maximum(probabilities[rows, labels], 1e-12)).sum()),
        brier_sum=float(np.square(probabilities - target).sum()),
        confusion=confusion,
        bin_count=np.bincount(bins, minlength=n_bins).astype(np.float64),
        bin_confidence=np.bincount(bins, confidence, n_bins).astype(np.float64),
        bin_correct=np.bincount(bins, predicted == labels, n_bins).astype(np.float64),
    )


def accuracy(t: Tally) -> float:
    """Share of predictions that are right.

    Parameters
    ----------
    t
        Predictions of any number of clients.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> t = tally(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
    >>> round(accuracy(t), 2)
    0.5
    """
    return float(np.trace(t.confusion) / t.count)


def _f1_per_class(t: Tally) -> Floats:
    hits = np.diag(t.confusion)
    total = t.confusion.sum(0) + t.confusion.sum(1)
    result: Floats = np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 0)
    return result


def f1_weighted(t: Tally) -> float:
    """F1 of each class, weighted by how often the class is true.

    Parameters
    ----------
    t
        Predictions of any number of clients.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> t = tally(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
    >>> round(f1_weighted(t), 2)
    0.67
    """
    return float((_f1_per_class(t) * t.confusion.sum(1)).sum() / t.count)


def f1_macro(t: Tally) -> float:
    """Plain mean of the F1 of each class that occurs, true or predicted.

    Parameters
    ----------
    t
        Predictions of any number of clients.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> t = tally(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
    >>> round(f1_macro(t), 2)
    0.33
    """
    occurs = t.confusion.sum(0) + t.confusion.sum(1) > 0
    return float(_f1_per_class(t)[occurs].mean())


def nll(t: Tally) -> float:
    """Mean negative log-likelihood of the true class, in nats.

    Parameters
    ----------
    t
        Predictions of any number of clients.

    Returns
    -------
    float
        Nats, from 0.

    Examples
    --------
    >>> t = tally(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
    >>> round(nll(t), 2)
    0.51
    """
    return t.nll_sum / t.count


def brier(t: Tally) -> float:
    """Mean squared distance between probabilities and the true class (Brier 1950).

    Parameters
    ----------
    t
        Predictions of any number of clients.

    Returns
    -------
    float
        From 0 to 2.

    Examples
    --------
    >>> t = tally(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
    >>> round(brier(t), 2)
    0.37
    """
    return t.brier_sum / t.count


def ece(t: Tally) -> float:
    """Expected calibration error over equally wide confidence bins (Guo et al. 2017, section 2).

    Parameters
    ----------
    t
        Predictions of any number of clients.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> t = tally(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
    >>> round(ece(t), 2)
    0.35
    """
    return float(np.abs(t.bin_confidence - t.bin_correct).sum() / t.count)


METRICS: dict[str, Callable[[Tally], float]] = {
    "accuracy": accuracy,
    "f1_weighted": f1_weighted,
    "f1_macro": f1_macro,
    "nll": nll,
    "brier": brier,
    "ece": ece,
}
