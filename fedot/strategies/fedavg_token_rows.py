"""FedAvg whose embedding rows are averaged by how often each client has seen the token.

A plain mean halves the embedding of a word that only one of two clients knows. This baseline mends that and
nothing else; it is much harder to beat than FedAvg where clients speak different languages.
"""

from collections.abc import Iterable, Sequence

import torch
from flwr.app import ArrayRecord, Message, MetricRecord

from fedot.fusion import vanilla_fusion
from fedot.fusion.canonical.labels import row_shares, unite
from fedot.models import State, symmetry
from fedot.strategies.guard import Guarded, finite_arrays
from fedot.wire.boundary import emptied
from fedot.wire.messages import ClientUpdate


class FedAvgTokenRows(Guarded):
    """FedAvg with embedding rows weighted by token counts."""

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Average the usable replies."""
        updates = [update for _, update in self.accept(server_round, emptied(replies))]
        return finite_arrays(self.average(updates)), MetricRecord(
            {"clients": len(updates), "dropped": len(self.dropped)}
        )

    def average(self, updates: Sequence[ClientUpdate]) -> State:
        """Average as FedAvg does, then the token table by counts."""
        weights = [float(update.num_examples) for update in updates]
        state = vanilla_fusion([dict(update.state) for update in updates], weights)
        rows = [str(i) for i in range(updates[0].config.vocab_size)]
        total = sum(weights)
        shares = row_shares(
            unite([rows] * len(updates)),
            [w / total for w in weights],
            torch.stack([update.token_counts.double() for update in updates]),
        )
        for name, axis in symmetry(updates[0].config).tensors_of("vocab"):
            tables = [update.state[name].double().movedim(axis, -1) for update in updates]
            table = sum(share * each for share, each in zip(shares, tables, strict=True))
            state[name] = table.movedim(-1, axis).to(updates[0].state[name].dtype)
        return state
