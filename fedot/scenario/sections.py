"""Sections of a scenario that say how clients train, and where data come from."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fedot.text.tokenizer_kinds import TokenizerKind


class Section(BaseModel):
    """Keys of a scenario: what is unknown is refused, and the text below a key is its description."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    def __copy__(self) -> Self:
        """Copy the keys alone: what was computed of them (`cached_property`) may not be true of the copy."""
        return self._of_keys(super().__copy__())

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self._of_keys(super().__deepcopy__(memo))

    def __getstate__(self) -> dict[Any, Any]:
        """Write the keys alone into a pickle."""
        state = super().__getstate__()
        return {**state, "__dict__": {key: state["__dict__"][key] for key in type(self).model_fields}}

    def _of_keys(self, copied: Self) -> Self:
        for computed in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[computed]
        return copied


class PartitionSpec(Section):
    """How one corpus is shared out over `count` clients."""

    kind: Literal["iid", "dirichlet", "by-size"] = "iid"
    """`iid`: rows at random. `dirichlet`: labels in unequal shares. `by-size`: at random, in unequal parts."""
    count: int = Field(ge=2, le=1000)
    """Number of clients."""
    alpha: float | None = Field(default=None, gt=0)
    """Of `dirichlet`: the smaller, the more the clients' shares of each label differ."""
    sizes: tuple[float, ...] | None = None
    """Of `by-size`: one positive number for each client, its part relative to the others'."""

    @model_validator(mode="after")
    def _complete(self) -> "PartitionSpec":
        if self.kind == "dirichlet" and self.alpha is None:
            raise ValueError("kind dirichlet needs alpha, for example alpha: 0.1")
        if self.kind == "by-size" and (self.sizes is None or len(self.sizes) != self.count):
            raise ValueError(f"kind by-size needs sizes, a list of {self.count} positive numbers")
        if self.sizes is not None and min(self.sizes, default=0) <= 0:
            raise ValueError("sizes must be positive")
        return self


class TokenizerSpec(Section):
    """The sub-word tokenizer; `scope` tells whether all clients use the same one."""

    kind: TokenizerKind = "wordpiece"
    """`wordpiece` and `bpe` lower all letters; `reversible` keeps case and spaces, so that text comes back."""
    vocab_size: int = Field(default=8000, ge=32)
    """At most so many tokens."""
    scope: Literal["shared", "per-client"] = "shared"
    """`shared`: one for all clients, from their word counts. `per-client`: each its own, which no other sees."""


class LoraSpec(Section):
    """Adapters that are trained beside a checkpoint's linear maps, in place of its weights (Hu et al. 2022)."""

    rank: int = Field(default=8, ge=1, le=4096)
    """Rank of each adapter."""
    alpha: float | None = Field(default=None, gt=0)
    """Adapters are multiplied by `alpha / rank`. Without it: twice the rank."""


class TrainSpec(Section):
    """Local training, the same at every client.

    `loss: logit-adjusted` is for clients whose labels are skewed: each learns what its texts say beyond how often it
    has a class (`fedot.training.train`).
    """

    epochs: int = Field(default=4, ge=1)
    """How often the training examples are gone through, in each round."""
    batch_size: int = Field(default=64, ge=1)
    """Examples a step."""
    lr: float = Field(default=1e-3, gt=0)
    """Highest learning rate of AdamW."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Weight decay of AdamW."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises from 0."""
    clip: float = Field(default=1.0, gt=0)
    """Longest gradient; a longer one is shortened to it."""
    keep: Literal["best", "last"] = "last"
    """The epoch whose weights are sent: the last, after all `epochs`, or that with the lowest validation loss."""
    calibrate: bool = True
    """Of classifiers: logits are divided by the temperature at which the held-out texts cost least."""
    patience: int = Field(default=1, ge=1)
    """Where the best is kept: training ends after so many epochs without a lower validation loss."""
    validation: float = Field(default=0.1, gt=0, lt=0.9)
    """Share of the training examples that is held out, to calibrate and to choose the best epoch."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target's probability that is spread over all classes or tokens."""
    loss: Literal["cross-entropy", "logit-adjusted"] = "cross-entropy"
    """`logit-adjusted` is for clients whose labels are skewed."""
    lora: LoraSpec | None = None
    """Of checkpoints: train adapters in place of all weights; only they and the head are sent."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """`bfloat16` computes in half the bits where that is safe; weights stay in float32."""
    accumulate: int = Field(default=1, ge=1)
    """Gradients of so many steps are added up before the weights change."""


class DecodingSpec(Section):
    """How a translation is searched for; `length_penalty` is the exponent of Wu et al. (2016, equation 14)."""

    beam: int = Field(default=4, ge=1, le=100)
    """How many candidates are kept in the search."""
    length_penalty: float = Field(default=0.6, ge=0)
    """0 favours short translations, more favours longer ones."""


class PrivacySpec(Section):
    """Local differential privacy: each client's step is clipped to a norm, and Gaussian noise is added to it.

    Two steps of that norm differ by at most twice of it, which is the sensitivity. `repeatable` draws the noise from
    the run's seed, for studies; whoever knows the seed can take it off again.
    """

    clip: float = Field(gt=0)
    """Longest step that a client sends, as an L2 norm; a longer one is shortened to it."""
    epsilon: float = Field(gt=0)
    """Privacy loss of a round; smaller is more private and needs more noise."""
    delta: float = Field(default=1e-5, gt=0, lt=1)
    """Probability that the loss is larger."""
    repeatable: bool = False
    """Whether noise is drawn from the run's seed."""


class DataSpec(Section):
    """Where data come from; only `auto` may fall back."""

    source: Literal["auto", "directory", "hub", "stand-in"] = "auto"
    """`auto` asks `--data-dir`, then the hub, then takes the built-in stand-in. The others never fall back."""
