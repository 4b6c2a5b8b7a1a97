"""Models to fuse as plain data: canonical tensors, symmetries, weights, counts, and one set of labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from fedot.fusion.canonical.labels import LabelUnion, row_shares
from fedot.fusion.texts.probe import Probe
from fedot.models import LABEL_SIZES, MODELS, State, canonical_config, load_model
from fedot.symmetry import SymmetrySpec


@dataclass(frozen=True, slots=True)
class FusionProblem:
    """Models to fuse, in a form that all methods share.

    Attributes
    ----------
    states
        Canonical states in float64 whose labelled rows are those of `unions`; empty where tensors are read part by
        part.
    specs, configs
        Symmetry and configuration of each; the specs have the sizes of `states`, the configs those of the models
        as they were given.
    weights
        Share of each model, summing to 1.
    anchor
        Index of the model whose neurons, widths and heads the result has.
    unions
        Rows of every group of labels (tokens, positions, classes).
    counts
        How often each model has seen each token of the union, (K, rows), for each group of tokens; empty where
        nobody has counted.
    probe
        Inputs for methods that look at activations, token ids being rows of the union; None where the caller gave
        none, then texts are drawn from the counts (`fedot.fusion.problem.text_source`).
    masses
        The user's own neuron masses of each model by neuron group; empty where none were given.
    class_counts
        How many examples of each class each model has learnt from, (K, C); None where one has not told.
    longest
        Tokens of the longest text on which models are measured, of those that are drawn for each model
        (`fedot.fusion.texts.draw.text_lengths`); empty where nobody has counted.
    given
        Tensors and symmetry of every model as it was given; empty where tensors are read part by part.
    build
        Makes a module of a configuration and a state.
    widths
        Configuration whose widths a reduction goes by; None for the anchor's.
    alike
        Whether the models are of one architecture and depth. If not, `states` and `specs` are as they were given, and a
        module finds its own rows of the union's tokens.
    """

    states: Sequence[State]
    specs: tuple[SymmetrySpec, ...]
    configs: tuple[Any, ...]
    weights: tuple[float, ...]
    anchor: int
    unions: Mapping[str, LabelUnion]
    counts: Mapping[str, Tensor]
    probe: Probe | None = None
    masses: tuple[Mapping[str, Tensor], ...] = ()
    longest: tuple[int, ...] = ()
    class_counts: Tensor | None = None
    given: tuple[tuple[Mapping[str, Tensor], SymmetrySpec], ...] = ()
    build: Callable[[Any, State], nn.Module] = load_model
    widths: Any = None
    alike: bool = True

    def counted(self) -> list[int]:
        """Models whose token counts are known: a private client sends zeros."""
        return [k for k, count in enumerate(self.counts.get("vocab", ())) if bool(count.any())]

    def voters(self) -> list[int]:
        """Models that are averaged; one of weight 0 gives its basis at most."""
        return [k for k, weight in enumerate(self.weights) if weight > 0]

    def sources(self) -> list[int]:
        """Models whose texts are drawn for all: of those that have counted their tokens the ones that have a vote."""
        counted = self.counted()
        return [k for k in counted if self.weights[k] > 0] or counted

    def config_of(self, model: int) -> Any:
        """A model's canonical configuration with the union's labels; a foreign configuration stays as it is."""
        config = self.configs[model]
        if not self.alike:
            return config
        if getattr(config, "architecture", None) not in MODELS or not MODELS[config.architecture].whole_in_state:
            return config  # a checkpoint's rows are its own
        rows: dict[str, Any] = {LABEL_SIZES[name]: len(union.labels) for name, union in self.unions.items()}
        return replace(canonical_config(config), **rows)

    def module(self, model: int, state: State) -> nn.Module:
        """Build a module of a state in the shape of a model, as the probe does where there is one."""
        build = self.build if self.probe is None else self.probe.module
        module = build(self.config_of(model), state)
        return module if self.alike else OfUnion(module, own_rows(self.unions["vocab"], model))

    def row_shares(self, *, by_count: bool) -> dict[str, Tensor]:
        """Share of every model in every labelled row, (K, rows), columns summing to 1; by counts where given."""
        return {
            name: row_shares(union, self.weights, self.counts.get(name) if by_count else None)
            for name, union in self.unions.items()
        }


class OfUnion(nn.Module):
    """A module that reads rows of the union of all vocabularies: ids (B, T), 0 for padding, to what `inner` says."""

    def __init__(self, inner: nn.Module, own: Tensor) -> None:
        super().__init__()
        self.inner, self.own = inner, own

    def forward(self, ids: Tensor) -> Tensor:
        """Run the module on its own rows; a token that it does not know is padding to it."""
        result: Tensor = self.inner(self.own[ids])
        return result


def own_rows(union: LabelUnion, model: int) -> Tensor:
    """A model's own row of each label of the union, 0 where it has none: (rows,) int64."""
    index = union.index[model]
    return torch.zeros(len(union.labels), dtype=torch.int64).index_copy(0, index, torch.arange(len(index)))
