"""What every fusion method starts from: checked, canonical models with one set of labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion import masses as neuron_masses
from fedot.fusion import supports as neuron_supports
from fedot.fusion.average import normalise_weights
from fedot.fusion.canonicalise import canonicalise, to_float32
from fedot.fusion.checks import check_comparable, check_counts, check_finite, check_masses, check_same_tensors
from fedot.fusion.config import FusionConfig
from fedot.fusion.depth import equally_deep
from fedot.fusion.drawn import LONGEST, SHORTEST, class_counts, draw_texts, drawn_probe, longest_texts
from fedot.fusion.evidence import Evidence, matched_groups, measure
from fedot.fusion.labels import LabelUnion, relabel, row_shares, unite
from fedot.fusion.probe import Probe
from fedot.fusion.residual import streams_of
from fedot.fusion.translated import LONGEST_SOURCE, translated_probe
from fedot.models import LABEL_SIZES, MODELS, Config, State, canonical_config, load_model, state_of, symmetry
from fedot.symmetry import SymmetrySpec

Model = nn.Module | tuple[State, Any]


@dataclass(frozen=True, slots=True)
class FusionProblem:
    """Models to fuse, in a form that all methods share.

    Attributes
    ----------
    states
        Canonical states in float64 whose labelled rows are those of `unions`.
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
        none, then `probe_or_drawn` draws texts from the counts.
    masses
        The user's own neuron masses of each model by neuron group; empty where none were given.
    longest
        Tokens of the longest text that is drawn for each model (`fedot.fusion.drawn.longest_texts`); empty where nobody
        has counted.
    """

    states: tuple[State, ...]
    specs: tuple[SymmetrySpec, ...]
    configs: tuple[Any, ...]
    weights: tuple[float, ...]
    anchor: int
    unions: Mapping[str, LabelUnion]
    counts: Mapping[str, Tensor]
    probe: Probe | None = None
    masses: tuple[Mapping[str, Tensor], ...] = ()
    longest: tuple[int, ...] = ()

    def probe_or_drawn(self, number: int, seed: int = 0) -> Probe:
        """The given probe, else texts drawn from every model's token counts in equal numbers.

        Raises
        ------
        FedotError
            If there is neither a probe nor counts.
        """
        if self.probe is not None:
            return self.probe.told_apart()
        counted = self.counted()
        if not counted:
            raise FedotError(
                "this method looks at activations; give it probe inputs, or token counts to draw texts from"
            )
        drawn = [self.drawn(k, max(1, number // len(counted)), seed + i) for i, k in enumerate(counted)]
        return Probe(tuple(batch for each in drawn for batch in each.batches))

    def counted(self) -> list[int]:
        """Models whose token counts are known: a private client sends zeros."""
        return [k for k, count in enumerate(self.counts.get("vocab", ())) if bool(count.any())]

    def drawn(self, model: int, number: int, seed: int) -> Probe:
        """Texts drawn from the token counts of one model; a translator of ours also translates them."""
        longest, counts = self.longest[model], self.tokens_to_draw(model)
        architecture = getattr(self.configs[model], "architecture", "")
        if architecture == "seq2seq":
            sources = draw_texts(counts, number, (SHORTEST, min(longest, LONGEST_SOURCE)), seed)
            return translated_probe(self.config_of(model), self.states[model], sources)
        return drawn_probe(counts, number, longest, seed, MODELS[architecture].inputs if architecture in MODELS else 1)

    def tokens_to_draw(self, model: int) -> Tensor:
        """Token counts of a model, (V,); of a classifier of ours by the class that each token speaks for, (C, V)."""
        counts = self.counts["vocab"][model]
        if "class" not in self.unions or getattr(self.configs[model], "architecture", "") not in MODELS:
            return counts
        return class_counts(load_model(self.config_of(model), to_float32(self.states[model])), counts)

    def config_of(self, model: int) -> Any:
        """A model's canonical configuration with the union's labels; a foreign configuration stays as it is."""
        config = self.configs[model]
        if getattr(config, "architecture", None) not in MODELS:
            return config
        rows: dict[str, Any] = {LABEL_SIZES[name]: len(union.labels) for name, union in self.unions.items()}
        return replace(canonical_config(config), **rows)

    def evidence(self, model: int, config: FusionConfig) -> Evidence:
        """What the chosen mass and support need to know of a model's neurons beyond its weights.

        Raises
        ------
        FedotError
            If they need a probe or counts, and there are none.
        """
        if config.mass == "given" and not self.masses:
            raise FedotError("the mass is `given`, but no masses were; pass `masses` to fuse, or choose another mass")
        spec, groups = self.specs[model], matched_groups(self.specs[model])
        activations: dict[str, Tensor] = {}
        gradients: dict[str, Tensor] = {}
        own: dict[str, Tensor] = {}
        if config.support in neuron_supports.ON_PROBE or config.mass in neuron_masses.ON_PROBE:
            probe = self.probe_or_drawn(config.probe_texts)
            module = probe.module(self.config_of(model), self.states[model])
            activations, gradients = measure(module, probe, spec, groups)
        if config.mass == "token-count":
            if model not in self.counted():
                raise FedotError(f"the mass token-count needs token counts, but model {model} has none")
            texts = self.drawn(model, 128, 0)
            own, _ = measure(texts.module(self.config_of(model), self.states[model]), texts, spec, groups)
        return Evidence(activations, gradients, own, self.masses[model] if self.masses else {})

    def trust(self, source: int, config: FusionConfig) -> dict[str, Tensor]:
        """How far each label is common ground of a model and the anchor, (rows,): 0 where one lacks it.

        Positions count where the option says so, and where all other rows are too few to fix the widest stream.
        """
        spec, out = self.specs[self.anchor], {}
        rows = sum(len(union.labels) for name, union in self.unions.items() if name != "position")
        few = rows < max((spec.groups[name].size for name in streams_of(spec)), default=0)
        for name, union in self.unions.items():
            common = union.present(source) * union.present(self.anchor)
            used = {"class": config.class_rows, "position": config.position_rows or few}.get(name, True)
            out[name] = common if used else torch.zeros_like(common)
            if name in self.counts:
                least = torch.minimum(self.counts[name][source], self.counts[name][self.anchor])
                if bool(least.any()):
                    out[name] = common * least**config.token_power
        return out

    def row_shares(self, *, by_count: bool) -> dict[str, Tensor]:
        """Share of every model in every labelled row, (K, rows), columns summing to 1; by counts where given."""
        return {
            name: row_shares(union, self.weights, self.counts.get(name) if by_count else None)
            for name, union in self.unions.items()
        }


@dataclass(frozen=True, slots=True)
class Given:
    """Models as they were given, of one depth: tensors, configurations and symmetry of each."""

    states: tuple[State, ...]
    configs: tuple[Any, ...]
    specs: tuple[SymmetrySpec, ...]

    def __len__(self) -> int:
        return len(self.states)


def read_models(models: Sequence[Model], spec: SymmetrySpec | Sequence[SymmetrySpec] | None = None) -> Given:
    """Take models apart, and bring those of fedot's architectures to one depth (`fedot.fusion.depth`).

    Raises
    ------
    FedotError
        If a module has no configuration, or the specs are not one for each.
    """
    states, configs = zip(*(_state_and_config(model) for model in models), strict=True) if models else ((), ())
    if spec is None:
        states, configs = equally_deep(states, configs)
    return Given(tuple(states), tuple(configs), tuple(_specs(spec, configs)))


def prepare(
    models: Sequence[Model], *, spec: SymmetrySpec | Sequence[SymmetrySpec] | None = None, **options: Any
) -> FusionProblem:
    """Check models, bring them into canonical form and their labels to the union.

    Arguments are those of `fedot.fuse`, without the last two.

    Raises
    ------
    FedotError
        If the models cannot be fused; the message names what does not fit.
    """
    given = read_models(models, spec)
    return fill(frame(given.configs, given.specs, **options), given)


def fill(problem: FusionProblem, given: Given) -> FusionProblem:
    """Put the models' tensors into their `frame`.

    Raises
    ------
    FedotError
        If a model holds NaN, or tensors that its symmetry does not know.
    """
    for number, state in enumerate(given.states):
        check_finite(state, f"model {number}")
    canonical = tuple(
        relabel(canonicalise(state, each), each, problem.unions, k)
        for k, (state, each) in enumerate(zip(given.states, given.specs, strict=True))
    )
    return replace(problem, states=canonical)


def frame(
    configs: Sequence[Any],
    specs: Sequence[SymmetrySpec],
    *,
    weights: Sequence[float] | None = None,
    token_counts: Sequence[Tensor] | None = None,
    vocabularies: Sequence[Sequence[str]] | None = None,
    anchor: int = 0,
    probe: Probe | None = None,
    masses: Sequence[Mapping[str, Tensor]] | None = None,
) -> FusionProblem:
    """All of a problem but the models' tensors: `states` is empty; `specs` are those of the models as given.

    Raises
    ------
    FedotError
        If models of these configurations cannot be fused.
    """
    if not configs:
        raise FedotError("there is no model to fuse; give at least one")
    if not 0 <= anchor < len(configs):
        raise FedotError(f"the anchor is model {anchor}, but there are models 0 to {len(configs) - 1}")
    shares = normalise_weights(weights, len(configs))
    check_comparable(configs)
    check_same_tensors(specs)
    for what, given in (("vocabularies", vocabularies), ("token counts", token_counts), ("neuron masses", masses)):
        if given is not None and len(given) != len(configs):
            raise FedotError(f"got {len(given)} {what} for {len(configs)} models; give one for each")
    unions = {
        name: unite(_labels(name, specs, vocabularies))
        for name, group in specs[anchor].groups.items()
        if group.kind == "labels"
    }
    counts = {}
    if token_counts is not None and "vocab" in unions:
        check_counts(token_counts, specs)
    if token_counts is not None and "vocab" in unions and any(bool(count.any()) for count in token_counts):
        union = unions["vocab"]
        counts["vocab"] = torch.stack([union.scatter(k, count.double()) for k, count in enumerate(token_counts)])
    relabelled = tuple(_relabelled(each, unions) for each in specs)
    check_masses(masses or (), relabelled)
    lengths = () if token_counts is None else longest_texts(token_counts, weights, _positions(specs))
    return FusionProblem(
        (), relabelled, tuple(configs), shares, anchor, unions, counts, probe, tuple(masses or ()), lengths
    )


def _positions(specs: Sequence[SymmetrySpec]) -> int:
    """How many tokens every model can read, at most `LONGEST`."""
    return max(SHORTEST, min([LONGEST, *(spec.groups["position"].size for spec in specs if "position" in spec.groups)]))


def _state_and_config(model: Model) -> tuple[State, Any]:
    if isinstance(model, nn.Module):
        if not hasattr(model, "config"):
            raise FedotError(f"a {type(model).__name__} has no `config`; give a (state, config) pair instead")
        return state_of(model), model.config
    return model


def _specs(spec: SymmetrySpec | Sequence[SymmetrySpec] | None, configs: Sequence[Config]) -> list[SymmetrySpec]:
    if spec is None:
        return [symmetry(config) for config in configs]
    if isinstance(spec, SymmetrySpec):
        return [spec] * len(configs)
    if len(spec) != len(configs):
        raise FedotError(f"got {len(spec)} symmetry specs for {len(configs)} models; give one for each, or one for all")
    return list(spec)


def _labels(
    group: str, specs: Sequence[SymmetrySpec], vocabularies: Sequence[Sequence[str]] | None
) -> list[Sequence[str]]:
    """Names of a group's rows in every model: tokens where given, else row numbers."""
    sizes = [spec.groups[group].size for spec in specs]
    if group != "vocab":
        return [[str(i) for i in range(size)] for size in sizes]
    if vocabularies is None:
        if len(set(sizes)) > 1:
            raise FedotError(f"the models have vocabularies of sizes {sizes}; pass `vocabularies` to match them")
        return [[str(i) for i in range(size)] for size in sizes]
    for number, (size, words) in enumerate(zip(sizes, vocabularies, strict=True)):
        if size != len(words):
            raise FedotError(f"model {number} has {size} embedding rows, but its vocabulary has {len(words)} tokens")
    return [list(words) for words in vocabularies]


def _relabelled(spec: SymmetrySpec, unions: Mapping[str, LabelUnion]) -> SymmetrySpec:
    groups = {
        name: replace(group, size=len(unions[name].labels)) if name in unions else group
        for name, group in spec.groups.items()
    }
    return replace(spec, groups=groups)
