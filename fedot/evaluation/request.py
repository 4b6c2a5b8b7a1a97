"""What is to be evaluated: models, and weighted sums of their weights or of their probabilities."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from fedot.models import Config


@dataclass(frozen=True, slots=True)
class EvaluationItem:
    """One thing to evaluate: a weighted sum of models' weights or of their probabilities.

    `members` pairs the index of a model in the message with its coefficient.
    """

    combine: str
    members: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """Models, the tokenizer of each (None for the shared one), and what to evaluate of them.

    Without `translated` the loss of translators is enough; a search for translations takes far longer. With
    `calibrated` classifiers are also tried at every temperature of `fedot.evaluation.calibration`, on validation data
    too.
    """

    states: tuple[Mapping[str, Tensor], ...]
    configs: tuple[Config, ...]
    tokenizers: tuple[str | None, ...]
    items: tuple[EvaluationItem, ...]
    translated: bool = True
    calibrated: bool = True

    @classmethod
    def of(cls, state: Mapping[str, Tensor], config: Config, tokenizer: str | None) -> "EvaluationRequest":
        """Ask for one model, as it is."""
        return cls((state,), (config,), (tokenizer,), (EvaluationItem("weights", ((0, 1.0),)),))
