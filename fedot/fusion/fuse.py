"""Fuse models that were trained apart: canonicalise, unite labels, align to an anchor, average."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion.align import Alignment, align
from fedot.fusion.apply import apply_maps
from fedot.fusion.average import average_aligned, normalise_weights
from fedot.fusion.canonicalise import canonicalise, to_float32
from fedot.fusion.config import FusionConfig
from fedot.fusion.labels import LabelUnion, relabel, row_shares, unite
from fedot.models import Config, State, canonical_config, state_of, symmetry
from fedot.symmetry import SymmetrySpec

Model = nn.Module | tuple[State, Config]


@dataclass(frozen=True, slots=True)
class FusionResult:
    """The fused model and how it came about.

    Attributes
    ----------
    state, config
        The fused model in canonical form, ready for `fedot.models.load_model`.
    vocabulary
        Token of each embedding row, where vocabularies were given.
    aligned
        Every model in the anchor's basis, with the shapes of `config`; the anchor's own is among them.
    alignments
        One for each model; the anchor's is empty.
    diagnostics
        For each model, the transport cost of each matched neuron group.
    """

    state: State
    config: Config
    vocabulary: tuple[str, ...] | None
    aligned: tuple[State, ...]
    alignments: tuple[Alignment, ...]
    diagnostics: tuple[Mapping[str, float], ...]


def fuse(
    models: Sequence[Model],
    *,
    spec: SymmetrySpec | None = None,
    weights: Sequence[float] | None = None,
    token_counts: Sequence[Tensor] | None = None,
    vocabularies: Sequence[Sequence[str]] | None = None,
    anchor: int = 0,
    config: FusionConfig | None = None,
) -> FusionResult:
    """Align models to one of them by optimal transport and average them, without any data.

    Parameters
    ----------
    models
        Two or more modules, or (state, config) pairs, of one architecture and depth; widths, heads and
        vocabularies may differ.
    spec
        Symmetry of the models, for an architecture that fedot does not know; all must share it.
    weights
        One for each model, for example its number of training examples; equal if None.
    token_counts
        How often each model has seen each of its tokens, (V_k,); without them all tokens count alike.
    vocabularies
        Token of each embedding row. Needed where the vocabularies differ; without them rows go by index.
    anchor
        Index of the model whose neurons, widths and heads the result has.

    Raises
    ------
    FedotError
        If the models cannot be fused; the message names what does not fit.
    """
    config = config or FusionConfig()
    if not models:
        raise FedotError("there is no model to fuse; give at least one")
    if not 0 <= anchor < len(models):
        raise FedotError(f"the anchor is model {anchor}, but there are models 0 to {len(models) - 1}")
    shares = normalise_weights(weights, len(models))
    states, configs = zip(*(_state_and_config(model) for model in models), strict=True)
    specs = [spec or symmetry(each) for each in configs]
    _check_comparable(configs)
    for number, state in enumerate(states):
        _check_finite(state, number)
    for what, given in (("vocabularies", vocabularies), ("token counts", token_counts)):
        if given is not None and len(given) != len(models):
            raise FedotError(f"got {len(given)} {what} for {len(models)} models; give one for each")
    unions = {
        name: unite(_labels(name, specs, vocabularies))
        for name, group in specs[anchor].groups.items()
        if group.kind == "labels"
    }
    counts = _checked_counts(token_counts, specs)
    canonical = [
        relabel(canonicalise(state, each), each, unions, k)
        for k, (state, each) in enumerate(zip(states, specs, strict=True))
    ]
    specs = [_relabelled(each, unions) for each in specs]

    alignments: list[Alignment] = []
    for k, state in enumerate(canonical):
        if k == anchor:
            alignments.append(Alignment({}, {}))
            continue
        trust = {name: _trust(name, union, k, anchor, counts, config) for name, union in unions.items()}
        alignments.append(align(state, canonical[anchor], specs[k], specs[anchor], trust, config))
    aligned = [
        apply_maps(state, each, alignment.maps)
        for state, each, alignment in zip(canonical, specs, alignments, strict=True)
    ]
    rows = {
        name: row_shares(union, shares, counts if name == "vocab" and config.count_rows else None)
        for name, union in unions.items()
    }
    fused = average_aligned(aligned, shares, specs[anchor], rows, circuits=config.circuits)
    fused_config = replace(
        canonical_config(configs[anchor]),
        vocab_size=len(unions["vocab"].labels),
        max_length=len(unions["position"].labels),
        n_class=len(unions["class"].labels),
    )
    return FusionResult(
        to_float32(fused),
        fused_config,
        unions["vocab"].labels if vocabularies is not None else None,
        tuple(to_float32(state) for state in aligned),
        tuple(alignments),
        tuple({name: c.cost for name, c in alignment.couplings.items()} for alignment in alignments),
    )


def _state_and_config(model: Model) -> tuple[State, Config]:
    if isinstance(model, nn.Module):
        if not hasattr(model, "config"):
            raise FedotError(f"a {type(model).__name__} has no `config`; give a (state, config) pair instead")
        return state_of(model), model.config  # type: ignore[return-value]
    return model


def _check_comparable(configs: Sequence[Config]) -> None:
    first = configs[0]
    for number, config in enumerate(configs[1:], start=1):
        for key in ("architecture", "n_layer"):
            if getattr(config, key) != getattr(first, key):
                raise FedotError(
                    f"model {number} has {key} {getattr(config, key)}, but model 0 has {getattr(first, key)}; "
                    "models must have the same architecture and depth"
                )


def _check_finite(state: State, number: int) -> None:
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise FedotError(f"model {number} holds NaN or infinite values in {name}; leave it out or retrain it")


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


def _checked_counts(counts: Sequence[Tensor] | None, specs: Sequence[SymmetrySpec]) -> Sequence[Tensor] | None:
    if counts is None:
        return None
    for number, (count, spec) in enumerate(zip(counts, specs, strict=True)):
        if tuple(count.shape) != (spec.groups["vocab"].size,) or bool((count < 0).any()):
            raise FedotError(
                f"the token counts of model {number} have shape {tuple(count.shape)}; "
                f"one count of at least 0 for each of its {spec.groups['vocab'].size} tokens is needed"
            )
    return counts


def _trust(
    group: str,
    union: LabelUnion,
    source: int,
    anchor: int,
    counts: Sequence[Tensor] | None,
    config: FusionConfig,
) -> Tensor:
    """How far each label is common ground of two models, (rows,): 0 where one of them lacks it."""
    common = union.present(source) * union.present(anchor)
    if group == "vocab" and counts is not None:
        least = torch.minimum(union.scatter(source, counts[source]), union.scatter(anchor, counts[anchor]))
        if bool(least.any()):
            return common * least.double() ** config.token_power
    used = {"class": config.class_rows, "position": config.position_rows}.get(group, True)
    return common if used else torch.zeros_like(common)


def _relabelled(spec: SymmetrySpec, unions: Mapping[str, LabelUnion]) -> SymmetrySpec:
    groups = {
        name: replace(group, size=len(unions[name].labels)) if name in unions else group
        for name, group in spec.groups.items()
    }
    return replace(spec, groups=groups)
