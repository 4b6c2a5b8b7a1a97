"""What must hold of models before they can be fused; each refusal names what does not fit."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.canonical.groups import matched_groups
from fedot.symmetry import SymmetrySpec


def check_comparable(configs: Sequence[Any]) -> None:
    """Refuse models of two architectures or depths."""
    first = configs[0]
    for number, config in enumerate(configs[1:], start=1):
        for key in ("architecture", "n_layer"):
            ours, theirs = getattr(first, key, None), getattr(config, key, None)
            if ours != theirs:
                raise FedotError(
                    f"model {number} has {key} {theirs}, but model 0 has {ours}; "
                    "models must have the same architecture and depth"
                )


def check_same_tensors(specs: Sequence[SymmetrySpec]) -> None:
    """Refuse models whose tensors, kinds of neuron groups or ties differ."""
    for number, spec in enumerate(specs[1:], start=1):
        odd = set(spec.axes) ^ set(specs[0].axes)
        if odd:
            raise FedotError(
                f"model {number} and model 0 do not both have {min(odd)}; "
                "models must have the same architecture, depth and head"
            )
        kinds = [{(name, group.kind) for name, group in each.groups.items()} for each in (spec, specs[0])]
        for name, _ in sorted(kinds[0] ^ kinds[1]):
            raise FedotError(
                f"model {number} and model 0 differ in what keeps them unchanged: the neuron group {name} is not of "
                "the same kind in both; models must have the same norms, activation and positions"
            )
        for copy, original in sorted(set(spec.lasting_ties()) ^ set(specs[0].lasting_ties())):
            raise FedotError(
                f"{copy} is tied to {original} in only one of model {number} and model 0; untie it in both"
            )


def check_finite(state: Mapping[str, Tensor], model: str) -> None:
    """Refuse a model that holds NaN or infinite values, naming the first tensor that does."""
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise FedotError(f"{model} holds NaN or infinite values in {name}; leave it out or retrain it")


def check_counts(counts: Sequence[Tensor], specs: Sequence[SymmetrySpec]) -> None:
    """Refuse token counts that do not fit the vocabulary."""
    for number, (count, spec) in enumerate(zip(counts, specs, strict=True)):
        if tuple(count.shape) != (spec.groups["vocab"].size,) or bool((count < 0).any()):
            raise FedotError(
                f"the token counts of model {number} have shape {tuple(count.shape)}; "
                f"one count of at least 0 for each of its {spec.groups['vocab'].size} tokens is needed"
            )


def check_classes(
    class_counts: Sequence[Tensor] | None,
    configs: Sequence[Any],
    counts: Mapping[str, Tensor],
    weights: Sequence[float],
) -> Tensor | None:
    """Refuse class counts that do not fit the models, or come without token counts; return them, (K, C)."""
    if not class_counts:
        return None
    for number, (count, config) in enumerate(zip(class_counts, configs, strict=True)):
        size = getattr(config, "n_class", 0)
        if not size:
            raise FedotError(f"model {number} is no classifier of fedot, so class counts say nothing; leave them out")
        if tuple(count.shape) != (size,) or bool((count < 0).any()):
            raise FedotError(
                f"the class counts of model {number} have shape {tuple(count.shape)}; "
                f"one count of at least 0 for each of its {size} classes is needed"
            )
        if weights[number] > 0 and ("vocab" not in counts or not bool(counts["vocab"][number].any())):
            raise FedotError(f"class counts need token counts to draw texts from, but model {number} has none")
    return torch.stack([count.double() for count in class_counts])


def check_masses(masses: Sequence[Mapping[str, Tensor]], specs: Sequence[SymmetrySpec]) -> None:
    """Refuse the masses of groups that are not matched."""
    for number, (named, spec) in enumerate(zip(masses, specs, strict=False)):
        odd = sorted(set(named) - set(matched_groups(spec)))
        if odd:
            raise FedotError(
                f"the masses of model {number} name {odd[0]}, which is no group of matched neurons; "
                f"choose from {', '.join(matched_groups(spec))}"
            )
