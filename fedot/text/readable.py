"""How much of texts a model can read: the share of tokens that its tokenizer knows, and texts that are too long."""

from collections.abc import Iterable, Sequence

from torch import Tensor

UNKNOWN_ID = 1
"""Id of the unknown token in every vocabulary of fedot's own."""

ALARM = 0.1
"""Of clients and texts with a larger share of unknown tokens it is said loudly."""


def unknown_share(token_counts: Tensor, unknown: int = UNKNOWN_ID) -> float:
    """Share of a client's tokens that are unknown to the tokenizer, 0 to 1.

    Parameters
    ----------
    token_counts
        How often each token of the vocabulary occurs in its training texts, (V,).
    unknown
        Number of the unknown token; below 0 where there is none.

    Examples
    --------
    >>> import torch
    >>> unknown_share(torch.tensor([0, 3, 1, 0]))
    0.75
    """
    total = float(token_counts.sum())
    return float(token_counts[unknown]) / total if total > 0 and 0 <= unknown < len(token_counts) else 0.0


def unknown_in(rows: Sequence[Sequence[int]], unknown: int = UNKNOWN_ID) -> float:
    """The same share of texts as token ids."""
    total = sum(map(len, rows))
    return sum(list(row).count(unknown) for row in rows) / total if total else 0.0


UNKNOWN = " of its tokens are UNKNOWN"


def unknown_notice(client: str, share: float) -> str:
    """One line on a client whose texts are largely unknown, for the results."""
    return (
        f"{client}: {share:.0%}{UNKNOWN} to the tokenizer, so its model reads little of its texts; "
        "is its language in the others' data, or vocab_size too small? tokenizer: {scope: per-client} gives it its own"
    )


def told_unknown(notices: Iterable[str]) -> set[str]:
    """The clients of whom `unknown_notice` has been said."""
    return {line.partition(UNKNOWN)[0].rpartition(": ")[0] for line in notices if UNKNOWN in line}


def cut_notice(client: str, cut: int, total: int, max_length: int) -> str:
    """One line on test texts that are judged by their beginning, for the results."""
    return (
        f"{client}: {cut} of {total} test texts are longer than the {max_length} tokens that the model reads, "
        "and were cut there (model: {max_length: ...})"
    )
