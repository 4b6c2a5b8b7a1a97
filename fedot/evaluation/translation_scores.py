"""Scores of translations from additive sums: BLEU, chrF and the loss.

Corpus BLEU (Papineni et al. 2002) and chrF (Popovic 2015) are functions of n-gram counts summed over sentences. So a
client sends these sums, and the pooled score is that of all sentences together; no sentence leaves the client.
Counting is sacrebleu's (Post 2018).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fedot.errors import FedotError

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

Floats = NDArray[np.float64]
FIELDS = ("bleu-statistics", "chrf-statistics")


def _new_bleu() -> "BLEU":
    from sacrebleu.metrics.bleu import BLEU  # here, since few clients translate, and each starts once for a question

    return BLEU(force=True)  # `force` only silences a warning about spaces before full stops


def _new_chrf() -> "CHRF":
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


_bleu, _chrf = cache(_new_bleu), cache(_new_chrf)


BLEU_FIELDS, CHRF_FIELDS = 10, 18
"""Lengths of hypothesis and reference, then matches and totals of 1- to 4-grams; hypothesis, reference and match
counts of 1- to 6-grams of characters."""


@dataclass(frozen=True, slots=True)
class TranslationTally:
    """Sufficient statistics of translations.

    `nll_sum` is over `token_count` reference tokens, the end of each sentence included. `bleu_statistics` (10,) and
    `chrf_statistics` (18,) are sacrebleu's sums, all zero where nothing was translated.
    """

    nll_sum: float
    token_count: int
    bleu_statistics: Floats
    chrf_statistics: Floats

    @property
    def count(self) -> int:
        """Number of predictions: reference tokens."""
        return self.token_count

    def __add__(self, other: "TranslationTally") -> "TranslationTally":
        return TranslationTally(
            self.nll_sum + other.nll_sum,
            self.token_count + other.token_count,
            self.bleu_statistics + other.bleu_statistics,
            self.chrf_statistics + other.chrf_statistics,
        )

    def metrics(self) -> dict[str, float]:
        """Every figure that the sums give; BLEU and chrF only where something was translated."""
        scores = {"bleu": bleu(self), "chrf": chrf(self)} if self.bleu_statistics[1] else {}
        return {**scores, "nll": self.nll_sum / self.token_count}

    def to_record(self) -> dict[str, float | list[float]]:
        """Write the tally as plain numbers and flat lists."""
        return {
            "nll-sum": self.nll_sum,
            "token-count": float(self.token_count),
            "bleu-statistics": self.bleu_statistics.tolist(),
            "chrf-statistics": self.chrf_statistics.tolist(),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> "TranslationTally":
        """Read what `to_record` wrote.

        Raises
        ------
        FedotError
            If a field is missing or malformed.
        """
        try:
            sums = [np.asarray(record[name], dtype=np.float64) for name in FIELDS]
            nll_sum, token_count = float(record["nll-sum"]), int(record["token-count"])  # type: ignore[arg-type, call-overload]
        except (KeyError, ValueError, TypeError) as error:
            raise FedotError(f"a client's evaluation cannot be read ({type(error).__name__})") from error
        shapes = [each.shape for each in sums]
        if shapes != [(BLEU_FIELDS,), (CHRF_FIELDS,)] or token_count < 1 or any((each < 0).any() for each in sums):
            raise FedotError(f"a client's evaluation is malformed: sums of shapes {shapes} over {token_count} tokens")
        return cls(nll_sum, token_count, *sums)


def tally_translations(
    nll_sum: float, token_count: int, hypotheses: Sequence[str], references: Sequence[str]
) -> TranslationTally:
    """Reduce translations and what they should have been to sums.

    Parameters
    ----------
    hypotheses, references
        Equally many texts; none where only the loss was asked for.

    Raises
    ------
    FedotError
        If their numbers differ, or there is nothing to count.
    """
    if len(hypotheses) != len(references) or token_count < 1:
        raise FedotError(f"got {len(hypotheses)} translations for {len(references)} references of {token_count} tokens")
    if not np.isfinite(nll_sum):
        raise FedotError("the loss of a translation is not finite; does the model hold NaN or infinite weights?")
    sums = [np.zeros(BLEU_FIELDS), np.zeros(CHRF_FIELDS)]
    if hypotheses:
        for k, metric in enumerate((_bleu(), _chrf())):
            # sacrebleu has no public name for its sums; a test holds them against its public corpus scores
            found = metric._extract_corpus_statistics(list(hypotheses), [list(references)])
            sums[k] = np.asarray(found, dtype=np.float64).sum(0)
    return TranslationTally(float(nll_sum), token_count, sums[0], sums[1])


def bleu(t: TranslationTally) -> float:
    """Corpus BLEU from 0 to 100, cased, with sacrebleu's default tokenizer."""
    return float(_bleu()._compute_score_from_stats([int(x) for x in t.bleu_statistics]).score)


def chrf(t: TranslationTally) -> float:
    """Corpus chrF2 from 0 to 100."""
    return float(_chrf()._compute_score_from_stats([int(x) for x in t.chrf_statistics]).score)


def signatures() -> dict[str, str]:
    """How sacrebleu would be asked for the same figures, for provenance."""
    pair = ["a"], [["a"]]
    found = {}
    for name, metric in (("bleu", _new_bleu()), ("chrf", _new_chrf())):
        metric.corpus_score(*pair)  # only then does it know the number of references
        found[name] = str(metric.get_signature())
    return found
