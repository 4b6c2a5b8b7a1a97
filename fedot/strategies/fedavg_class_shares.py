"""FedAvg with token rows, whose classifier gives the classes in the shares that the clients tell.

All that OT fusion does in later rounds but align: what it is ahead of this baseline by comes from alignment.
"""

from collections.abc import Sequence

from torch import Tensor

from fedot.fusion.refine.class_shares import ClassShares, match_shares
from fedot.models import State
from fedot.strategies.fedavg_token_rows import FedAvgTokenRows
from fedot.wire.messages import ClientUpdate


class FedAvgClassShares(FedAvgTokenRows):
    """FedAvg with embedding rows weighted by token counts, and a classifier's constants by class counts."""

    def average(self, updates: Sequence[ClientUpdate]) -> State:
        """Average with token rows, then match the classes' shares where all clients tell them."""
        state, classes = super().average(updates), class_counts_of(updates)
        if classes is None:
            return state
        counts = [update.token_counts for update in updates]
        return match_shares(state, updates[0].config, counts, classes, ClassShares().probe_texts)


def class_counts_of(updates: Sequence[ClientUpdate]) -> list[Tensor] | None:
    """Class counts of all clients; None if one keeps them or its token counts to itself."""
    told = [update.class_counts for update in updates if update.class_counts is not None and update.token_counts.any()]
    return told if len(told) == len(updates) else None
