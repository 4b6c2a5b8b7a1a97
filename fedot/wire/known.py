"""What is known of a client before it answers: what the scenario says of it, and what it said of itself."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from fedot.models import Config, config_from_json, model_config
from fedot.models.pretrained.pretrained_config import PretrainedConfig, with_classes
from fedot.scenario import PrivacySpec, Scenario, TokenizerSpec
from fedot.tasks import TASKS, AnyTask
from fedot.tokenizer import LEAST_LETTERS
from fedot.training.client_checkpoint import shared_checkpoint
from fedot.wire.messages import ClientDescription

MOST_EXAMPLES = 10_000_000
"""So many examples a client may say it has, where the scenario says nothing of their number."""

LARGEST_WEIGHT = 1e4
"""No trained weight is larger. Beyond it a single client could make the others' models overflow."""

DEVIATIONS = 10.0
"""Noise of local differential privacy is held to be so many standard deviations at most."""


@dataclass(frozen=True, slots=True)
class Known:
    """A client's numbers, which every later reply is held against.

    Attributes
    ----------
    num_examples, num_validation, num_test
        Rows that the client said it has.
    n_class
        Number of classes; 0 for a task without.
    task
        What its models do.
    model, tokenizer
        The scenario's settings of this client's model and tokenizer.
    vocab_size
        Tokens of the tokenizer that all share; 0 where the client has its own.
    largest_weight
        The largest number that a model of this client may hold.
    checkpoint
        Configuration of the checkpoint that the client fine-tunes, with its classes; None of a model of fedot's.
    """

    num_examples: int
    num_validation: int
    num_test: int
    n_class: int
    task: AnyTask
    model: Mapping[str, object]
    tokenizer: TokenizerSpec
    vocab_size: int = 0
    largest_weight: float = LARGEST_WEIGHT
    checkpoint: PretrainedConfig | None = None

    @classmethod
    def of(cls, scenario: Scenario, client: ClientDescription, vocab_size: int) -> "Known":
        """Put together what a scenario and a description say; `vocab_size` is that of the shared tokenizer."""
        spec = scenario.tokenizer_spec(client.partition_id)
        described = config_from_json(client.model) if client.model else None
        checkpoint = described if isinstance(described, PretrainedConfig) else None
        if checkpoint is not None and client.labels:
            checkpoint = with_classes(checkpoint, len(client.labels))
        return cls(
            client.num_examples,
            client.num_validation,
            client.num_test,
            len(client.labels),
            TASKS[scenario.task],
            scenario.model_settings(client.partition_id),
            spec,
            _shared_tokens(scenario, checkpoint, vocab_size if spec.scope == "shared" else 0),
            LARGEST_WEIGHT + DEVIATIONS * noise_of(scenario.privacy),
            checkpoint,
        )

    @property
    def most_tokens(self) -> int:
        """Size of the largest vocabulary that a tokenizer of the client's own may have."""
        return max(self.tokenizer.vocab_size, LEAST_LETTERS)

    def config(self, vocab_size: int) -> Config:
        """The configuration of a model that this client trains from the start."""
        if self.checkpoint is not None:
            return self.checkpoint
        return model_config(dict(self.model), vocab_size, self.n_class)


def _shared_tokens(scenario: Scenario, checkpoint: PretrainedConfig | None, vocab_size: int) -> int:
    """Tokens of the tokenizer that all clients have, which may be that of their checkpoint."""
    if checkpoint is None:
        return vocab_size
    return checkpoint.vocab_size if shared_checkpoint(scenario) else 0


def noise_of(privacy: PrivacySpec | None) -> float:
    """Standard deviation of the noise in each weight (Dwork & Roth 2014, theorem 3.22); 0 without."""
    if privacy is None:
        return 0.0
    return 2 * privacy.clip * math.sqrt(2 * math.log(1.25 / privacy.delta)) / privacy.epsilon
