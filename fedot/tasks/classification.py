"""Classification: which of some classes a text has."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.evaluation.calibration import (
    SMALLEST,
    TEMPERATURES,
    CalibratedTally,
    calibrated_tally,
    choose_temperature,
    scaled_bins,
    scaled_metrics,
)
from fedot.evaluation.evaluate import mix_states, predict
from fedot.evaluation.metrics import N_BINS, Floats, Tally, tally
from fedot.evaluation.ranges import SLACK, need
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.models.batching import batch_indices, count_tokens, pad
from fedot.standin import StandIn
from fedot.standin.sentences import stand_in
from fedot.tasks.facts import TASK_FACTS
from fedot.tasks.task import Answering, Described, EvaluationRows, Figures, SingleTexts, Task, Usable, Wanted
from fedot.tokenizer import encode

if TYPE_CHECKING:
    from datasets import Dataset

WORST = -math.log(SMALLEST)
"""The greatest loss of one prediction, in nats: probabilities below `SMALLEST` count as that."""


@dataclass(frozen=True, slots=True)
class Labelled(SingleTexts):
    """Encoded texts and their labels (n,)."""

    labels: NDArray[np.int64]

    def loss(
        self, model: nn.Module, rows: NDArray[np.int64], device: str, smoothing: float = 0.0
    ) -> tuple[Tensor, int]:
        """Mean cross-entropy of the labels of some rows."""
        ids = pad([self.encoded.ids[i] for i in rows]).to(device)
        labels = torch.from_numpy(self.labels[rows]).to(device)
        return F.cross_entropy(model(ids), labels, label_smoothing=smoothing), len(rows)

    @torch.inference_mode()
    def said(self, model: nn.Module, device: str) -> tuple[Tensor, Tensor]:
        """Logits of all texts, (N, C), and their classes, (N,), by length."""
        parts = list(batch_indices(self.lengths, 256, None))
        logits = [model(pad([self.encoded.ids[i] for i in rows]).to(device)).float().cpu() for rows in parts]
        return torch.cat(logits), torch.from_numpy(self.labels[np.concatenate(parts)])

    def count_tokens(self, vocab_size: int) -> Tensor:
        """How often each token id occurs in the texts."""
        return count_tokens(self.encoded.ids, vocab_size)

    def count_classes(self, classes: int) -> Tensor:
        """How many texts are of each class, (C,) int64."""
        return torch.from_numpy(np.bincount(self.labels, minlength=classes))

    def made_wrong(self, classes: int) -> Self:
        """Take every class for the next one."""
        return replace(self, labels=np.asarray((self.labels + 1) % classes, dtype=np.int64))


def encode_labelled(parts: Sequence["Dataset"], tokenizer: Tokenizer, max_length: int) -> Labelled:
    """Encode the texts of one or more data sets."""
    labels = np.concatenate([np.asarray(rows["label"][:], dtype=np.int64) for rows in parts])
    return Labelled(encode(tokenizer, [text for rows in parts for text in rows["text"][:]], max_length), labels)


def evaluate(request: EvaluationRequest, rows: EvaluationRows[Labelled]) -> list[Tally]:
    """Reduce the predictions of models and of mixtures to sums; validation rows are for calibration alone."""
    tests = rows.read("test")
    on_test = _predictions(request, tests, rows.device)
    labels = [tests[item.members[0][0]].labels for item in request.items]
    if not request.calibrated:
        return [tally(p, y) for p, y in zip(on_test, labels, strict=True)]
    validations = rows.read("validation")
    on_validation = _predictions(request, validations, rows.device)
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


def read_tally(record: Mapping[str, object], request: EvaluationRequest) -> Tally:
    """Read a tally, with calibration exactly where that was asked for.

    Raises
    ------
    FedotError
        If it is of another task, malformed, or not what was asked for.
    """
    if "confusion" not in record:
        raise FedotError("its figures are of another task")
    calibrated = "validation-nll" in record
    found = CalibratedTally.from_record(record) if calibrated else Tally.from_record(record)
    if calibrated != request.calibrated:
        raise FedotError(f"it was {'' if request.calibrated else 'not '}asked for calibration, and did otherwise")
    return found


def check_tally(t: Tally, described: Described, _: EvaluationRequest) -> None:
    """Refuse sums that cannot come from these rows: no figure made of them can be out of its range.

    Raises
    ------
    FedotError
        Saying which.
    """
    rows, right = described.num_test, float(np.trace(t.confusion))
    need("counts by class", t.confusion, (described.n_class, described.n_class), rows, whole=True)
    if t.confusion.sum() != rows:
        raise FedotError(f"it tells of {t.confusion.sum():g} test rows, and described {rows}")
    need("its loss", np.asarray(t.nll_sum), (), WORST * rows)
    need("its Brier score", np.asarray(t.brier_sum), (), 2.0 * rows)
    _check_bins(t.bin_count, t.bin_confidence, t.bin_correct, rows, right)
    if not isinstance(t, CalibratedTally):
        return
    grid, known = len(TEMPERATURES), described.num_validation
    need("validation counts", t.validation_count, (grid,), known, whole=True)
    if (t.validation_count != known).any():
        raise FedotError(f"it tells of other validation rows than the {known} that it described")
    need("validation losses", t.validation_nll, (grid,), WORST * known)
    need("scaled losses", t.scaled_nll, (grid,), WORST * rows)
    need("scaled Brier scores", t.scaled_brier, (grid,), 2.0 * rows)
    scaled = (t.scaled_bin_count, t.scaled_bin_confidence, t.scaled_bin_correct)
    if any(sums.shape != (grid, N_BINS) for sums in scaled):
        raise FedotError(f"its scaled bins are not {grid} times {N_BINS}")
    for count, confidence, correct in zip(*scaled, strict=True):
        _check_bins(count, confidence, correct, rows, right)


def _check_bins(count: Floats, confidence: Floats, correct: Floats, rows: int, right: float) -> None:
    """Bins of one temperature: they hold all rows, and all right ones."""
    for name, sums in (("bins", count), ("confidences", confidence), ("right predictions", correct)):
        need(name, sums, (N_BINS,), rows, whole=sums is not confidence)
    if count.sum() != rows or correct.sum() != right or (correct > count).any():
        raise FedotError(f"its bins do not hold its {rows} test rows, of which {right:g} are right")
    if (confidence > count + SLACK * rows).any():
        raise FedotError("its bins are surer than sure")


def figures(tallies: Mapping[str, Tally]) -> dict[str, Figures]:
    """Metrics, reliability sums and counts by class of each split.

    All splits have the temperature that suits the validation data of all clients together.
    """
    place = choose_temperature([t for name, t in tallies.items() if name != "all"])
    return {
        name: Figures(
            {**t.metrics(), **scaled_metrics(t, place)},
            {
                "bin_count": t.bin_count.tolist(),
                "bin_confidence": t.bin_confidence.tolist(),
                "bin_correct": t.bin_correct.tolist(),
                **scaled_bins(t, place),
            },
            t.confusion.astype(int).tolist(),
        )
        for name, t in tallies.items()
    }


def probabilities(model: Usable, texts: Sequence[str], device: str = "cpu") -> NDArray[np.float64]:
    """Probability of each class for each text, (n, C), rows summing to 1.

    Raises
    ------
    FedotError
        If the model is no classifier, has no tokenizer, or comes to no numbers.
    """
    out = predict(model.config, model.state, encode(model.reader(), texts, model.config.max_length), device)
    if not np.isfinite(out).all():
        raise FedotError("the model comes to no probabilities (NaN); its weights are broken, so train it again")
    return out


def answer(model: Usable, texts: Sequence[str], _: Answering) -> dict[str, list[Any]]:
    """The likeliest class of each text, and the probability of every class."""
    found = probabilities(model, texts)
    names = model.classes or tuple(map(str, range(found.shape[1])))
    likely = {f"p_{name}": np.round(found[:, i], 6).tolist() for i, name in enumerate(names)}
    return {"class": [names[i] for i in found.argmax(1)], **likely}


def write_stand_in(wanted: Wanted) -> StandIn:
    """Sentences whose sentiment is made by their structure."""
    return stand_in(wanted.name, wanted.lang or "en", wanted.classes)


CLASSIFICATION = Task(
    facts=TASK_FACTS["classification"],
    text_columns=("text",),
    encode=encode_labelled,
    evaluate=evaluate,
    read_tally=read_tally,
    check_tally=check_tally,
    figures=figures,
    answer=answer,
    stand_in=write_stand_in,
)
