"""From models as they are given to the problem that all methods share: checked, canonical, with one set of labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion.canonical.canonicalise import canonical_but_heads, canonicalise, to_float32
from fedot.fusion.canonical.depth import equally_deep
from fedot.fusion.canonical.labels import LabelUnion, normalise_weights, relabel, unite
from fedot.fusion.problem.checks import (
    check_classes,
    check_comparable,
    check_counts,
    check_finite,
    check_masses,
    check_same_tensors,
)
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.texts.draw import LONGEST_MEASURED, text_lengths
from fedot.fusion.texts.probe import Probe
from fedot.models import Config, State, load_model, state_of, symmetry
from fedot.symmetry import SymmetrySpec

Model = nn.Module | tuple[Mapping[str, Tensor], Any]
"""A module with a configuration, or tensors and the configuration; the tensors may be read when they are asked for."""


@dataclass(frozen=True, slots=True)
class Given:
    """Models as they were given, of one depth: tensors, configurations and symmetry of each."""

    states: tuple[Mapping[str, Tensor], ...]
    configs: tuple[Any, ...]
    specs: tuple[SymmetrySpec, ...]

    def __len__(self) -> int:
        return len(self.states)


def read_models(
    models: Sequence[Model], spec: SymmetrySpec | Sequence[SymmetrySpec] | None = None, *, alike: bool = True
) -> Given:
    """Take models apart, and bring those of fedot's architectures to one depth (`fedot.fusion.canonical.depth`).

    Those that need not be `alike` keep their depths.

    Raises
    ------
    FedotError
        If a module has no configuration, or the specs are not one for each.
    """
    states, configs = zip(*(_state_and_config(model) for model in models), strict=True) if models else ((), ())
    if spec is None and alike:
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
    asked = fill_as_asked(problem, given)
    pairs = tuple(zip(given.states, given.specs, strict=True)) if problem.alike else ()
    return replace(asked, states=tuple(asked.states), given=pairs)


def fill_as_asked(problem: FusionProblem, given: Given) -> FusionProblem:
    """The same, but a model is read and brought into canonical form when it is asked for, each time anew.

    What then is in memory does not depend on how many models there are. `given` is left out.
    """
    return replace(problem, states=StatesAsAsked(problem, given))


class StatesAsAsked(Sequence[State]):
    """The states of a problem, each made when it is asked for.

    Raises
    ------
    FedotError
        When asked for a model that holds NaN, or tensors that its symmetry does not know.
    """

    def __init__(self, problem: FusionProblem, given: Given) -> None:
        self._unions, self._given, self._alike = problem.unions, given, problem.alike

    def __len__(self) -> int:
        return len(self._given)

    @overload
    def __getitem__(self, model: int) -> State: ...
    @overload
    def __getitem__(self, model: slice) -> list[State]: ...
    def __getitem__(self, model: int | slice) -> State | list[State]:
        if isinstance(model, slice):
            return [self[k] for k in range(*model.indices(len(self)))]
        number = range(len(self))[model]
        state, spec = dict(self._given.states[number]), self._given.specs[number]
        check_finite(state, f"model {number}")
        return relabel(canonicalise(state, spec), spec, self._unions, number) if self._alike else state


def with_own_heads(problem: FusionProblem) -> FusionProblem:
    """Let models have the channels of heads that they were trained with (`canonical_but_heads`).

    A mean of models that was added to a problem has those that it was made with.
    """
    own = tuple(
        relabel(canonical_but_heads(dict(state), spec), spec, problem.unions, k)
        for k, (state, spec) in enumerate(problem.given)
    )
    return replace(problem, states=(*own, *problem.states[len(own) :]))


def frame(
    configs: Sequence[Any],
    specs: Sequence[SymmetrySpec],
    *,
    weights: Sequence[float] | None = None,
    token_counts: Sequence[Tensor] | None = None,
    class_counts: Sequence[Tensor] | None = None,
    vocabularies: Sequence[Sequence[str]] | None = None,
    anchor: int = 0,
    probe: Probe | None = None,
    masses: Sequence[Mapping[str, Tensor]] | None = None,
    build: Callable[[Any, State], nn.Module] = load_model,
    alike: bool = True,
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
    if alike:
        check_comparable(configs)
        check_same_tensors(specs)
    for what, given in (
        ("vocabularies", vocabularies),
        ("token counts", token_counts),
        ("class counts", class_counts),
        ("neuron masses", masses),
    ):
        if given is not None and len(given) != len(configs):
            raise FedotError(f"got {len(given)} {what} for {len(configs)} models; give one for each")
    unions = {
        name: unite(_labels(name, specs, vocabularies))
        for name, group in specs[anchor].groups.items()
        if group.kind == "labels" and (alike or name in ("vocab", "class"))
    }
    counts: dict[str, Tensor] = {}
    longest: tuple[int, ...] = ()
    if token_counts is not None and "vocab" in unions:
        check_counts(token_counts, specs)
        if any(bool(count.any()) for count in token_counts):
            union = unions["vocab"]
            counts["vocab"] = torch.stack([union.scatter(k, count.double()) for k, count in enumerate(token_counts)])
            positions = [each.groups["position"].size for each in specs if "position" in each.groups]  # rotary: none
            lengths = text_lengths(token_counts, weights, positions)
            longest = tuple(min(most, LONGEST_MEASURED) for _, most in lengths)
    classes = check_classes(class_counts, configs, counts, shares)
    relabelled = tuple(_relabelled(each, unions) if alike else each for each in specs)
    check_masses(masses or (), relabelled)
    return FusionProblem(
        (),
        relabelled,
        tuple(configs),
        shares,
        anchor,
        unions,
        counts,
        probe,
        tuple(masses or ()),
        longest,
        classes,
        build=build,
        alike=alike,
    )


def _state_and_config(model: Model) -> tuple[Mapping[str, Tensor], Any]:
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


def canonical_state(state: State, config: Config) -> tuple[State, Config]:
    """Bring a model into canonical form; its configuration changes with it."""
    problem = prepare([(state, config)])
    shape: Config = problem.config_of(0)
    return to_float32(problem.states[0]), shape
