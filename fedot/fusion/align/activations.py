"""What is known of a model's neurons beyond its weights: their activations and gradients on a probe.

Masses and supports read it; `measure` takes it from one forward and one backward pass over the probe.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion.texts.probe import Probe, readers, real_logits, real_rows
from fedot.symmetry import SymmetrySpec


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured or told of one model's neurons, by neuron group.

    Attributes
    ----------
    activations, gradients
        Of every neuron on every token of the probe, (N, n); gradients are those of the model's log-likelihood.
    own_activations
        On texts drawn from the model's own token counts, (N, n).
    given
        The user's own masses, (n,).
    """

    activations: Mapping[str, Tensor] = field(default_factory=dict)
    gradients: Mapping[str, Tensor] = field(default_factory=dict)
    own_activations: Mapping[str, Tensor] = field(default_factory=dict)
    given: Mapping[str, Tensor] = field(default_factory=dict)

    def of(self, what: str, group: str) -> Tensor:
        """Look up one of the four for a group.

        Raises
        ------
        FedotError
            If it was not measured.
        """
        found: Mapping[str, Tensor] = getattr(self, what)
        if group not in found:
            raise FedotError(
                f"nothing is known of the {what.replace('_', ' ')} of the neuron group {group}; "
                "measure them with `fedot.fusion.align.activations.measure`, or let `fuse` do it"
            )
        return found[group]

    def negated(self) -> "Evidence":
        """What would be measured if all neurons had the other sign."""
        signals = ("activations", "gradients", "own_activations")
        return replace(self, **{key: {name: -rows for name, rows in getattr(self, key).items()} for key in signals})


def measure(
    module: nn.Module, probe: Probe, spec: SymmetrySpec, groups: Sequence[str]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Activations of neuron groups, and gradients of the log-likelihood with respect to them, (N, n) each.

    The labels are drawn from the model's own predictions, as the Fisher information wants it (Kunstner et al.
    2019), with the same random numbers for every model, so that models that agree draw the same labels.

    Raises
    ------
    FedotError
        If no linear map that reads a group runs in the forward pass.
    """
    inputs: dict[str, Tensor] = {}
    rows: dict[str, list[tuple[Tensor, Tensor]]] = {group: [] for group in groups}
    generator = torch.Generator().manual_seed(0)

    def keep(group: str) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Tensor, ...]) -> None:
            inputs[group] = args[0] if args[0].requires_grad else args[0].requires_grad_()

        return hook

    names = {group: readers(spec, group)[:1] for group in groups}
    handles = [
        module.get_submodule(name).register_forward_pre_hook(keep(group)) for group in groups for name in names[group]
    ]
    try:
        for batch in probe.batches:
            inputs.clear()
            with torch.enable_grad():
                out = module(*batch)
                likelihood = own_log_likelihood(real_logits(getattr(out, "logits", out), batch).double(), generator)
            silent = [group for group in groups if group not in inputs]
            if silent:
                raise FedotError(
                    f"no map that reads the neuron group {silent[0]} runs as a module; declare one that does"
                )
            read = [inputs[group] for group in groups]
            slopes = torch.autograd.grad(likelihood, read, allow_unused=True, materialize_grads=True)
            for group, slope in zip(groups, slopes, strict=True):
                rows[group].append((real_rows(inputs[group].detach(), batch), real_rows(slope, batch)))
    finally:
        for handle in handles:
            handle.remove()
    values, slopes_of = ({g: torch.cat([pair[i] for pair in kept]) for g, kept in rows.items()} for i in (0, 1))
    return values, slopes_of


def own_log_likelihood(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Summed log-probability of one label a row, drawn from the rows' own distributions."""
    log_p = logits.log_softmax(-1)
    threshold = torch.rand(len(log_p), 1, generator=generator, dtype=log_p.dtype)
    label = (log_p.detach().exp().cumsum(-1) < threshold).sum(-1, keepdim=True).clamp(max=log_p.shape[-1] - 1)
    return log_p.gather(-1, label).sum()
