"""Beam search over any model that tells what follows a prefix."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fedot.errors import FedotError

Step = Callable[[Tensor, Tensor], Tensor]
"""Prefixes (N, T) and which text each belongs to (N,), to log-probabilities (N, V) of the next token."""


@torch.inference_mode()
def beam_search(
    step: Step,
    number: int,
    *,
    first: int,
    last: int,
    banned: Sequence[int] = (),
    beam: int = 4,
    max_length: int = 64,
    length_penalty: float = 0.6,
) -> list[list[int]]:
    """Search for each text's best sequence of tokens; all beams of all texts take a step together.

    A sequence's score is its log-probability divided by ``((5 + n) / 6) ** length_penalty``, n being its number of
    tokens with the last one (Wu et al. 2016, equation 14). A text is done when it has `beam` ended sequences, or when
    no open one can become better than the best of them. With a beam of 1 that is greedy decoding.

    Parameters
    ----------
    step
        Tells what follows: prefixes (N, T) and the text of each (N,) to log-probabilities (N, V).
    number
        How many texts there are, B.
    first, last
        The tokens that begin and end a sequence; neither is in the result.
    banned
        Tokens that are never said.
    beam
        Sequences of each text that are followed at a time.
    max_length
        Longest sequence, `last` included; what has not ended then counts as it is.
    length_penalty
        Exponent of the divisor above.

    Returns
    -------
    list
        Token ids of each text's best sequence.

    Raises
    ------
    FedotError
        If the beam is below 1, or the penalty below 0 or no number.

    Examples
    --------
    >>> first, later = torch.tensor([[0.0, 0.0, 0.3, 0.7], [0.0, 0.0, 0.9, 0.1]]).log()  # 3 is likely, then the end, 2
    >>> def step(prefixes, texts):
    ...     return (first if prefixes.shape[1] == 1 else later).expand(len(texts), -1)
    >>> beam_search(step, 1, first=1, last=2)
    [[3]]
    """
    if beam < 1 or not length_penalty >= 0:
        raise FedotError(f"a beam of 1 or more and a length penalty of 0 or more are needed: {beam}, {length_penalty}")
    texts = torch.arange(number)  # those not done, A of them
    prefixes = torch.full((number, beam, 1), first)
    scores = torch.full((number, beam), -torch.inf, dtype=torch.double)
    scores[:, 0] = 0.0  # all beams of a text are alike at first
    ended = torch.zeros(number, dtype=torch.long)
    best_score = torch.full((number,), -torch.inf, dtype=torch.double)
    best: list[list[int]] = [[] for _ in range(number)]

    for n in range(1, max_length + 1):
        logs = step(prefixes.flatten(0, 1), texts.repeat_interleave(beam)).double().cpu()
        logs[:, [first, *banned]] = -torch.inf
        totals = scores[:, :, None] + logs.reshape(len(texts), beam, -1)
        # of twice as many candidates at least `beam` do not end, since each prefix can end in one way only
        found, places = totals.flatten(1).topk(min(2 * beam, totals[0].numel()))
        origin, token = places // logs.shape[1], places % logs.shape[1]
        sequences = torch.cat([prefixes.gather(1, origin[:, :, None].expand(-1, -1, n)), token[:, :, None]], 2)

        normal = found / penalty(n, length_penalty)
        complete = (token == last) & (torch.arange(found.shape[1]) < beam) & found.isfinite()
        if n == max_length:
            complete |= (token != last) & found.isfinite()
        offered, place = normal.where(complete, -torch.inf).max(1)
        for row in (offered > best_score[texts]).nonzero()[:, 0].tolist():
            ids = sequences[row, place[row], 1:].tolist()
            best[texts[row]] = ids[:-1] if ids[-1] == last else ids
        best_score[texts] = torch.maximum(best_score[texts], offered)
        ended[texts] += complete.sum(1)

        order = (token == last).long().argsort(dim=1, stable=True)[:, :beam]
        prefixes = sequences.gather(1, order[:, :, None].expand(-1, -1, n + 1))
        scores = found.gather(1, order)
        reachable = scores[:, 0] / penalty(max_length, length_penalty)
        going = (ended[texts] < beam) & (reachable > best_score[texts])
        texts, prefixes, scores = texts[going], prefixes[going], scores[going]
        if not len(texts):
            break
    return best


def penalty(length: int, exponent: float) -> float:
    """By what the log-probability of a sequence of that many tokens is divided."""
    value: float = ((5 + length) / 6) ** exponent
    return value
