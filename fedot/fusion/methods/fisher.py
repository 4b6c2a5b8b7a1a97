"""Fisher-weighted averages of aligned models (Matena & Raffel 2022)."""

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.align.activations import own_log_likelihood
from fedot.fusion.config import FusionConfig
from fedot.fusion.fused import Fused
from fedot.fusion.methods.aligned import aligned
from fedot.fusion.problem import FusionProblem
from fedot.fusion.texts.probe import Probe, real_logits
from fedot.models import State
from fedot.symmetry import SymmetrySpec

FLOOR = 1e-6


def fisher(problem: FusionProblem, config: FusionConfig) -> Fused:
    """Align models as ``aligned`` does, then average every parameter by its Fisher information on the probe.

    The information is the mean squared gradient of the log-likelihood of a text's labels, drawn from the model's
    own predictions, at least 1e-6, as published. Times it the models count by their weights, and in labelled rows
    by the row shares of all methods. The paper's models share a pretraining; alignment takes its place.
    """
    found = aligned(problem, config)
    spec, settings = problem.specs[problem.anchor], problem.config_of(problem.anchor)
    probe = problem.probe_or_drawn(config.probe_texts)
    rows = problem.row_shares(by_count=config.count_rows)
    tops: State = {name: torch.zeros_like(found.state[name]) for name in spec.axes}
    totals = {name: torch.zeros_like(tensor) for name, tensor in tops.items()}
    for k, state in enumerate(found.aligned):
        information = information_of(settings, state, probe, spec)
        for name in spec.axes:
            share = _share(spec, name, k, problem.weights[k], rows) * information[name].clamp(min=FLOOR)
            tops[name] += share * state[name]
            totals[name] += share
    fused = dict(found.aligned[problem.anchor]) | {name: tops[name] / totals[name] for name in spec.axes}
    return Fused(fused, found.aligned, found.alignments)


def information_of(settings: object, state: State, probe: Probe, spec: SymmetrySpec, seed: int = 0) -> State:
    """Diagonal of a model's Fisher information: squared gradients, text by text, their mean.

    Raises
    ------
    FedotError
        If a tensor is no parameter of the module.
    """
    module = probe.module(settings, state)
    parameters = {name: _parameter(module, name, state[name].shape) for name in spec.axes}
    squares = {name: torch.zeros(state[name].shape, dtype=torch.float64) for name in parameters}
    generator = torch.Generator().manual_seed(seed)
    texts = 0
    for batch in probe.batches:
        for i in range(len(batch[0])):
            text = tuple(each[i : i + 1] for each in batch)
            with torch.enable_grad():
                out = module(*text)
                likelihood = own_log_likelihood(real_logits(getattr(out, "logits", out), text).double(), generator)
            slopes = torch.autograd.grad(
                likelihood, list(parameters.values()), allow_unused=True, materialize_grads=True
            )
            for name, slope in zip(parameters, slopes, strict=True):
                squares[name] += slope.square().reshape(squares[name].shape)
            texts += 1
    return {name: square / max(texts, 1) for name, square in squares.items()}


def _parameter(module: torch.nn.Module, name: str, shape: torch.Size) -> Tensor:
    owner, _, part = name.rpartition(".")
    found = getattr(module.get_submodule(owner), part, None)
    if not isinstance(found, Tensor) or found.squeeze().shape != torch.Size(n for n in shape if n > 1):
        raise FedotError(
            f"{name} is no parameter of a {type(module).__name__}, so nothing is known of its gradient; "
            "choose another fusion.method"
        )
    return found.requires_grad_(True)  # a buffer that takes part in the model counts like a parameter


def _share(spec: SymmetrySpec, name: str, model: int, weight: float, rows: dict[str, Tensor]) -> Tensor:
    """A model's share in a tensor: its weight, or its share of every labelled row, in a shape that multiplies."""
    axes = spec.axes[name]
    for index, axis in enumerate(axes):
        if axis.groups[0] in rows:
            return rows[axis.groups[0]][model].reshape([-1 if each == index else 1 for each in range(len(axes))])
    return torch.tensor(weight, dtype=torch.float64)
