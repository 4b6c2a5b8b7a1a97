"""A client's evaluation of translators: what it is asked to try, and the sums that come of it."""

from collections.abc import Sequence

from tokenizers import Tokenizer

from fedot.errors import FedotError
from fedot.evaluation.evaluate import mix_states
from fedot.evaluation.translation_scores import TranslationTally, tally_translations
from fedot.scenario import DecodingSpec
from fedot.translation import Pairs
from fedot.translation.pairs import decode_ids
from fedot.translation.translator import Translator
from fedot.wire.evaluations import EvaluationItem, EvaluationRequest


def tally_item(
    item: EvaluationItem,
    request: EvaluationRequest,
    tests: Sequence[Pairs],
    tokenizers: Sequence[Tokenizer],
    references: Sequence[str],
    decoding: DecodingSpec,
    device: str,
) -> TranslationTally:
    """Try one item of a request.

    Parameters
    ----------
    tests, tokenizers
        The test pairs as each model of the request reads them, and its tokenizer.
    references
        The right translations as texts.

    Raises
    ------
    FedotError
        If distributions over different vocabularies are to be mixed.
    """
    indices, coefficients = zip(*item.members, strict=True)
    first = min(indices, key=lambda k: (request.configs[k].max_length, indices.index(k)))
    if item.combine == "weights" and len(indices) > 1:
        state = mix_states([request.states[k] for k in indices], coefficients)
        translator = Translator.of([(request.configs[first], state)], device=device)
    else:
        if len({tokenizers[k].to_str() for k in indices}) > 1:
            raise FedotError("models with different tokenizers say different tokens; they form no ensemble")
        members = [(request.configs[k], request.states[k]) for k in indices]
        translator = Translator.of(members, coefficients, device)
    nll_sum, token_count = translator.nll(tests[first])
    if not request.translated:
        return tally_translations(nll_sum, token_count, [], [])
    said = decode_ids(
        tokenizers[first], translator.translate(tests[first].source, decoding.beam, decoding.length_penalty)
    )
    return tally_translations(nll_sum, token_count, said, references)
