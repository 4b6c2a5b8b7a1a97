"""The model that a round ends with, as each client can run it."""

from collections.abc import Sequence
from dataclasses import dataclass

from fedot.models import Config, State
from fedot.saved import select_rows
from fedot.strategies.ot_fusion import Fused
from fedot.tokenizer import read_tokenizer, vocabulary
from fedot.wire.messages import ClientUpdate


@dataclass(frozen=True, slots=True)
class Global:
    """A global model as one client sees it: the fused model with the rows of the client's own vocabulary."""

    state: State
    config: Config
    vocabulary: tuple[str, ...] | None = None

    def for_client(self, tokenizer: str) -> tuple[State, Config]:
        """Select the embedding rows of a client's own tokenizer, in its order."""
        if self.vocabulary is None or not tokenizer:
            return self.state, self.config
        return select_rows(self.state, self.config, self.vocabulary, vocabulary(read_tokenizer(tokenizer)))


def global_model(state: State, fused: Fused | None, updates: Sequence[ClientUpdate]) -> Global:
    """Take the fused model where there is one, else the mean, which has the clients' shape."""
    if fused is not None:
        return Global(fused.result.state, fused.result.config, fused.result.vocabulary)
    return Global(state, updates[0].config)
