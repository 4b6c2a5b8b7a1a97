"""Translation: a sentence of one language as one of another."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from fedot.errors import FedotError
from fedot.evaluation.ranges import need
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.evaluation.translation_scores import TranslationTally, signatures, tally_translations
from fedot.standin import StandIn
from fedot.standin.captions import stand_in_pairs
from fedot.tasks.facts import TASK_FACTS
from fedot.tasks.task import Answering, Described, EvaluationRows, Task, Usable, Wanted
from fedot.tasks.token_models import check_tokens, models_of
from fedot.tokenizer import SPECIAL, Encoded, encode
from fedot.translation.pairs import Pairs, decode_ids, encode_pairs
from fedot.translation.special_tokens import special_of
from fedot.translation.translator import Translator

if TYPE_CHECKING:
    from datasets import Dataset

MOST_PIECES = 100_000
"""Words, or letters, of the longest translation."""


def encode_translations(parts: Sequence["Dataset"], tokenizer: Tokenizer, max_length: int) -> Pairs:
    """Encode the pairs of one or more data sets."""
    source, target = ([text for rows in parts for text in rows[name][:]] for name in ("source", "target"))
    return encode_pairs(tokenizer, source, target, max_length)


def evaluate(request: EvaluationRequest, rows: EvaluationRows[Pairs]) -> list[TranslationTally]:
    """Reduce what models and mixtures make of the pairs to sums.

    Raises
    ------
    FedotError
        If distributions over different vocabularies are to be mixed.
    """
    tests = rows.read("test")
    return [_of_item(item, request, tests, rows) for item in request.items]


def _of_item(
    item: EvaluationItem, request: EvaluationRequest, tests: Sequence[Pairs], rows: EvaluationRows[Pairs]
) -> TranslationTally:
    first, models, shares = models_of(item, request, rows.tokenizers)
    translator = Translator.of(models, shares, rows.device)
    nll_sum, token_count = translator.nll(tests[first])
    if not request.translated:
        return tally_translations(nll_sum, token_count, [], [])
    said = decode_ids(rows.tokenizers[first], translator.translate(tests[first].source, rows.beam, rows.length_penalty))
    return tally_translations(nll_sum, token_count, said, list(rows.test["target"]))


def read_tally(record: Mapping[str, object], _: EvaluationRequest) -> TranslationTally:
    """Read a tally.

    Raises
    ------
    FedotError
        If it is of another task, or malformed.
    """
    if "bleu-statistics" not in record:
        raise FedotError("its figures are of another task")
    return TranslationTally.from_record(record)


def check_tally(t: TranslationTally, described: Described, request: EvaluationRequest) -> None:
    """Refuse sums that cannot come from these rows: no figure made of them can be out of its range.

    Raises
    ------
    FedotError
        Saying which.
    """
    rows, longest = described.num_test, max(config.max_length for config in request.configs) + 2
    check_tokens(t.token_count, t.nll_sum, rows, longest)
    most = float(rows * MOST_PIECES) if request.translated else 0.0
    bleu, chrf = t.bleu_statistics, t.chrf_statistics
    need("counts of words", bleu, bleu.shape, most, whole=True)
    need("counts of letters", chrf, chrf.shape, most, whole=True)
    said, matches, totals = bleu[0], bleu[2:6], bleu[6:]
    ours, theirs, both = chrf.reshape(-1, 3).T
    if (matches > totals).any() or (totals > said).any() or (both > np.minimum(ours, theirs)).any():
        raise FedotError("more of its translations is right than it has translated")


def translate(
    model: Usable, texts: Sequence[str], beam: int = 4, length_penalty: float = 0.6, device: str = "cpu"
) -> list[str]:
    """Translate each text, by `fedot.translation.beam_search`.

    Raises
    ------
    FedotError
        If the model is no translator, has no tokenizer, or comes to no numbers.
    """
    tokenizer, translator = model.reader(), Translator.of([(model.config, model.state)], device=device)
    sources = encode(tokenizer, texts, translator.longest)
    special = special_of(model.config)
    shortest = Pairs(Encoded(sources.ids[:1], 0), Encoded([[special.first, special.last]], 0))
    if sources.ids and not np.isfinite(translator.nll(shortest)[0]):
        raise FedotError("the model comes to no translations (NaN); its weights are broken, so train it again")
    return decode_ids(tokenizer, translator.translate(sources, beam, length_penalty))


def answer(model: Usable, texts: Sequence[str], how: Answering) -> dict[str, list[Any]]:
    """The translation of each text."""
    return {"translation": translate(model, texts, how.beam, how.length_penalty)}


def write_stand_in(wanted: Wanted) -> StandIn:
    """Captions in English and German."""
    return stand_in_pairs(wanted.source or "en", wanted.target or "de")


TRANSLATION = Task(
    facts=TASK_FACTS["translation"],
    text_columns=("source", "target"),
    special_tokens=SPECIAL,
    encode=encode_translations,
    evaluate=evaluate,
    read_tally=read_tally,
    check_tally=check_tally,
    answer=answer,
    stand_in=write_stand_in,
    signatures=signatures,
)
