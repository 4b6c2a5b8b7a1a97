"""Sums of an evaluation, held against what they are sums of: no figure made of them can be out of its range."""

import math

import numpy as np

from fedot.errors import FedotError
from fedot.evaluation.calibration import SMALLEST, TEMPERATURES, CalibratedTally
from fedot.evaluation.metrics import N_BINS, Floats, Tally
from fedot.evaluation.translation_scores import TranslationTally
from fedot.wire.evaluations import AnyTally, EvaluationRequest
from fedot.wire.known import Known

WORST = -math.log(SMALLEST)
"""The greatest loss of one prediction, in nats: probabilities below `SMALLEST` count as that."""

WORST_TOKEN = 1e4
"""The greatest loss of one token of a translation, whose logarithms are not clamped."""

MOST_PIECES = 100_000
"""Words, or letters, of the longest translation."""

SLACK = 1e-6
"""Sums of floats may be off by so much of the number of rows."""


def check_tally(tally: AnyTally, known: Known, request: EvaluationRequest) -> None:
    """Refuse sums that cannot come from this client's rows.

    Raises
    ------
    FedotError
        Saying which, without the client's name.
    """
    if isinstance(tally, TranslationTally) != (known.n_class == 0):
        raise FedotError("its figures are of another task")
    if isinstance(tally, TranslationTally):
        _check_translations(tally, known, request)
        return
    if isinstance(tally, CalibratedTally) != request.calibrated:
        raise FedotError(f"it was {'' if request.calibrated else 'not '}asked for calibration, and did otherwise")
    _check_sums(tally, known)
    if isinstance(tally, CalibratedTally):
        _check_calibration(tally, known)


def _check_sums(tally: Tally, known: Known) -> None:
    rows = known.num_test
    _need("counts by class", tally.confusion, (known.n_class, known.n_class), rows, whole=True)
    if tally.confusion.sum() != rows:
        raise FedotError(f"it tells of {tally.confusion.sum():g} test rows, and described {rows}")
    _need("its loss", np.asarray(tally.nll_sum), (), WORST * rows)
    _need("its Brier score", np.asarray(tally.brier_sum), (), 2.0 * rows)
    _check_bins(tally.bin_count, tally.bin_confidence, tally.bin_correct, rows, float(np.trace(tally.confusion)))


def _check_bins(count: Floats, confidence: Floats, correct: Floats, rows: int, right: float) -> None:
    """Bins of one temperature: they hold all rows, and all right ones."""
    for name, sums in (("bins", count), ("confidences", confidence), ("right predictions", correct)):
        _need(name, sums, (N_BINS,), rows, whole=sums is not confidence)
    if count.sum() != rows or correct.sum() != right or (correct > count).any():
        raise FedotError(f"its bins do not hold its {rows} test rows, of which {right:g} are right")
    if (confidence > count + SLACK * rows).any():
        raise FedotError("its bins are surer than sure")


def _check_calibration(tally: CalibratedTally, known: Known) -> None:
    grid, rows, right = len(TEMPERATURES), known.num_test, float(np.trace(tally.confusion))
    _need("validation counts", tally.validation_count, (grid,), known.num_validation, whole=True)
    if (tally.validation_count != known.num_validation).any():
        raise FedotError(f"it tells of other validation rows than the {known.num_validation} that it described")
    _need("validation losses", tally.validation_nll, (grid,), WORST * known.num_validation)
    _need("scaled losses", tally.scaled_nll, (grid,), WORST * rows)
    _need("scaled Brier scores", tally.scaled_brier, (grid,), 2.0 * rows)
    scaled = (tally.scaled_bin_count, tally.scaled_bin_confidence, tally.scaled_bin_correct)
    if any(sums.shape != (grid, N_BINS) for sums in scaled):
        raise FedotError(f"its scaled bins are not {grid} times {N_BINS}")
    for count, confidence, correct in zip(*scaled, strict=True):
        _check_bins(count, confidence, correct, rows, right)


def _check_translations(tally: TranslationTally, known: Known, request: EvaluationRequest) -> None:
    longest = max(config.max_length for config in request.configs) + 2
    if not known.num_test <= tally.token_count <= known.num_test * longest:
        raise FedotError(f"it tells of {tally.token_count} tokens in {known.num_test} test texts of {longest} at most")
    _need("its loss", np.asarray(tally.nll_sum), (), WORST_TOKEN * tally.token_count)
    most = float(known.num_test * MOST_PIECES) if request.translated else 0.0
    bleu, chrf = tally.bleu_statistics, tally.chrf_statistics
    _need("counts of words", bleu, bleu.shape, most, whole=True)
    _need("counts of letters", chrf, chrf.shape, most, whole=True)
    said, matches, totals = bleu[0], bleu[2:6], bleu[6:]
    ours, theirs, both = chrf.reshape(-1, 3).T
    if (matches > totals).any() or (totals > said).any() or (both > np.minimum(ours, theirs)).any():
        raise FedotError("more of its translations is right than it has translated")


def _need(name: str, sums: Floats, shape: tuple[int, ...], most: float, *, whole: bool = False) -> None:
    """Refuse sums of another shape, or beyond 0 to `most`; NaN is beyond. Counts are whole numbers."""
    if sums.shape != shape:
        raise FedotError(f"its {name.removeprefix('its ')} have shape {sums.shape}, not {shape}")
    if not bool((sums >= 0).all() and (sums <= most * (1 + SLACK) + SLACK).all()):
        raise FedotError(f"{name}: numbers from 0 to {most:g} are needed")
    if whole and bool((sums != np.rint(sums)).any()):
        raise FedotError(f"{name}: whole numbers are needed")
