"""Texts that nobody wrote: tokens drawn from a client's token counts, and from nothing else of it.

Two things make them more like the client's own. They are about as long (`text_lengths`). And a classifier tells from
each single token which class it speaks for; so tokens that speak for the same class can be drawn together
(`token_counts_by_class`), as they are found together in what people write.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fedot.fusion.texts.probe import Probe

LONGEST = 256
"""No drawn text has more tokens."""

LONGEST_MEASURED = 64
"""Nor has one more on which a model is measured, which costs more than to run it."""

SHORTEST = 2
"""Nor fewer; where texts would be shorter in the mean, their length is taken to be unknown."""

BATCH = 512


def draw_texts(counts: Tensor, number: int, length: tuple[int, int], seed: int) -> Tensor:
    """Draw texts of independent tokens from their counts, (number, longest): int64, padded with 0.

    Parameters
    ----------
    counts
        How often each token occurs, (V,), or how often in each kind of text, (R, V): then a text's kind is drawn by the
        sums of the rows, and all its tokens are from that row. Padding is never drawn.
    length
        Shortest and longest text, in tokens; uniform in between.
    """
    generator = torch.Generator().manual_seed(seed)
    weights = counts.double().reshape(-1, counts.shape[-1]).clone()
    weights[:, 0] = 0.0
    low, high = length
    lengths = torch.randint(low, high + 1, (number, 1), generator=generator)
    ids = torch.zeros(number, high, dtype=torch.int64)
    kinds = torch.multinomial(weights.sum(1), number, replacement=True, generator=generator)
    for each in set(kinds.tolist()):
        rows = (kinds == each).nonzero().squeeze(1)
        drawn = torch.multinomial(weights[each], len(rows) * high, replacement=True, generator=generator)
        ids[rows] = drawn.reshape(-1, high)
    return torch.where(torch.arange(high) < lengths, ids, 0)


def drawn_probe(counts: Tensor, number: int, longest: int, seed: int, inputs: int) -> Probe:
    """Draw a probe for models of that many inputs; unequal lengths tell the rows of one from those of another."""
    texts = [
        torch.split(draw_texts(counts, number, (SHORTEST - min(i, 1), longest - i), seed + 1000 * i), 64)
        for i in range(inputs)
    ]
    return Probe(tuple(zip(*texts, strict=True)))


@torch.no_grad()
def token_counts_by_class(module: nn.Module, counts: Tensor) -> Tensor:
    """How often each token occurs in each class, as a classifier tells from the token alone, (C, V).

    Bayes' rule: ``n(t) p(c | t)`` is in proportion to ``p(t | c) p(c)``. Columns sum to the counts (V,), so all texts
    together have the frequencies of single tokens that were counted.
    """
    seen = counts.nonzero()
    shares = torch.cat([module(part).softmax(-1) for part in torch.split(seen, BATCH)]).double()
    out = counts.new_zeros(shares.shape[1], len(counts), dtype=torch.float64)
    out[:, seen.squeeze(1)] = shares.T * counts[seen.squeeze(1)]
    return out


def text_lengths(
    counts: Sequence[Tensor], weights: Sequence[float] | None, positions: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Shortest and longest text to draw for each model, never longer than `LONGEST` or than there are `positions`.

    Uniform lengths in between have the mean of the model's own texts, which were cut where its positions end: its token
    count over its weight, weights being numbers of examples; for a model of weight 0 the mean of all. Where weights are
    something else, so that this is no text's length, texts are of any length.
    """
    most = max(SHORTEST, min([LONGEST, *positions]))
    totals = [float(count.sum()) for count in counts]
    given = [1.0] * len(totals) if weights is None else [float(weight) for weight in weights]
    whole = sum(total for total, weight in zip(totals, given, strict=True) if weight > 0) / (sum(given) or 1.0)
    means = [total / weight if weight > 0 else whole for total, weight in zip(totals, given, strict=True)]
    return tuple(_around(mean, most, known=SHORTEST <= mean <= min(positions, default=LONGEST)) for mean in means)


def _around(mean: float, most: int, *, known: bool) -> tuple[int, int]:
    if not known:
        return SHORTEST, most
    longest = min(most, max(SHORTEST + 2, round(2 * mean) - SHORTEST))
    return min(longest, max(SHORTEST, round(2 * mean) - longest)), longest
