"""A client's evaluation of classifiers: predictions of models and of mixtures, reduced to sums."""

from collections.abc import Sequence

import numpy as np

from fedot.evaluation.calibration import calibrated_tally
from fedot.evaluation.evaluate import mix_states, predict
from fedot.evaluation.metrics import Floats, Tally, tally
from fedot.training import Labelled
from fedot.wire.evaluations import EvaluationItem, EvaluationRequest


def tally_classes(
    request: EvaluationRequest, tests: Sequence[Labelled], validations: Sequence[Labelled], device: str
) -> list[Tally]:
    """Try every item of a request.

    Parameters
    ----------
    tests, validations
        The client's rows as each model of the request reads them. Validation rows matter only where the request
        asks for calibration.
    """
    on_test = _predictions(request, tests, device)
    labels = [tests[item.members[0][0]].labels for item in request.items]
    if not request.calibrated:
        return [tally(p, y) for p, y in zip(on_test, labels, strict=True)]
    on_validation = _predictions(request, validations, device)
    known = [validations[item.members[0][0]].labels for item in request.items]
    return [calibrated_tally(*each) for each in zip(on_test, labels, on_validation, known, strict=True)]


def _predictions(request: EvaluationRequest, rows: Sequence[Labelled], device: str) -> list[Floats]:
    """Class probabilities (n, C) of each item; every model is run once, however many items need it."""
    known: dict[int, Floats] = {}

    def of_model(k: int) -> Floats:
        if k not in known:
            known[k] = predict(request.configs[k], request.states[k], rows[k].encoded, device)
        return known[k]

    def of_item(item: EvaluationItem) -> Floats:
        indices, coefficients = zip(*item.members, strict=True)
        if item.combine == "probabilities" or len(indices) == 1:
            return np.asarray(sum(c * of_model(k) for k, c in item.members))
        state = mix_states([request.states[k] for k in indices], coefficients)
        return predict(request.configs[indices[0]], state, rows[indices[0]].encoded, device)

    return [of_item(item) for item in request.items]
