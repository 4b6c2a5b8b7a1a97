"""What tasks have in common whose models say tokens: translation, and language modelling."""

from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer

from fedot.errors import FedotError
from fedot.evaluation.evaluate import mix_states
from fedot.evaluation.ranges import need
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.models import Config, State

WORST_TOKEN = 1e4
"""The greatest loss of one token, in nats; its logarithms are not clamped."""


def models_of(
    item: EvaluationItem, request: EvaluationRequest, tokenizers: Sequence[Tokenizer]
) -> tuple[int, list[tuple[Config, State]], tuple[float, ...]]:
    """The models whose probabilities an item mixes, and their shares; a sum of weights is one model.

    Parameters
    ----------
    tokenizers
        That of each model of the request.

    Returns
    -------
    tuple
        Which of the request's models reads the fewest tokens, and so the rows; the models; the share of each.

    Raises
    ------
    FedotError
        If distributions over different vocabularies are to be mixed.
    """
    indices, coefficients = zip(*item.members, strict=True)
    first = min(indices, key=lambda k: (request.configs[k].max_length, indices.index(k)))
    if item.combine == "weights" and len(indices) > 1:
        state = mix_states([request.states[k] for k in indices], coefficients)
        return first, [(request.configs[first], state)], (1.0,)
    if len({tokenizers[k].to_str() for k in indices}) > 1:
        raise FedotError("models with different tokenizers say different tokens; they form no ensemble")
    return first, [(request.configs[k], request.states[k]) for k in indices], coefficients


def check_tokens(token_count: int, nll_sum: float, num_texts: int, longest: int) -> None:
    """Refuse more or fewer tokens than so many texts have, and losses beyond what so many tokens can cost.

    Raises
    ------
    FedotError
        Saying which.
    """
    if not num_texts <= token_count <= num_texts * longest:
        raise FedotError(f"it tells of {token_count} tokens in {num_texts} test texts of {longest} at most")
    need("its loss", np.asarray(nll_sum), (), WORST_TOKEN * token_count)
