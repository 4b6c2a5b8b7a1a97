"""Fisher-weighted averages of aligned models (Matena & Raffel 2022)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from fedot.errors import FedotError
from fedot.fusion.align.activations import own_log_likelihood
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.texts.probe import Probe, real_logits
from fedot.models import State
from fedot.symmetry import SymmetrySpec

FLOOR = 1e-6


@dataclass(frozen=True, slots=True)
class FisherAverage(Stage):
    """Average aligned models by their Fisher information (Matena & Raffel 2022).

    Parameters
    ----------
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    probe_texts
        How many texts are drawn from token counts where no probe is given.
    """

    count_rows: bool = True
    probe_texts: int = whole(256, least=1)


def fisher_average(problem: FusionProblem, texts: TextSource, fused: Fused, stage: FisherAverage) -> Fused:
    """Average every parameter of aligned models by its Fisher information on the probe.

    The information is the mean squared gradient of the log-likelihood of a text's labels, drawn from the model's
    own predictions, at least 1e-6, as published. Times it the models count by their weights, and in labelled rows
    by the row shares of all methods. The paper's models share a pretraining; alignment takes its place.
    """
    spec, settings = problem.specs[problem.anchor], problem.config_of(problem.anchor)
    probe = texts.probe(stage.probe_texts)
    rows = problem.row_shares(by_count=stage.count_rows)
    home = fused.aligned[problem.anchor]
    tops: State = {name: torch.zeros(home[name].shape, dtype=torch.float64) for name in spec.axes}
    totals = {name: torch.zeros_like(tensor) for name, tensor in tops.items()}
    for k, state in enumerate(fused.aligned):
        information = information_of(settings, state, probe, spec)
        for name in spec.axes:
            share = _share(spec, name, k, problem.weights[k], rows) * information[name].clamp(min=FLOOR)
            tops[name] += share * state[name]
            totals[name] += share
    state = dict(home) | {name: tops[name] / totals[name] for name in spec.axes}
    return replace(fused, state=state)


def information_of(settings: object, state: State, probe: Probe, spec: SymmetrySpec) -> State:
    """Diagonal of a model's Fisher information: squared gradients, text by text, their mean.

    Raises
    ------
    FedotError
        If a tensor is no parameter of the module.
    """
    module = probe.module(settings, state)
    parameters, run = _differentiable(module, state, spec)
    squares = {name: torch.zeros(state[name].shape, dtype=torch.float64) for name in parameters}
    generator = torch.Generator().manual_seed(0)
    texts = 0
    for batch in probe.batches:
        for i in range(len(batch[0])):
            text = tuple(each[i : i + 1] for each in batch)
            with torch.enable_grad():
                out = run(*text)
                likelihood = own_log_likelihood(real_logits(getattr(out, "logits", out), text).double(), generator)
            slopes = torch.autograd.grad(
                likelihood, list(parameters.values()), allow_unused=True, materialize_grads=True
            )
            for name, slope in zip(parameters, slopes, strict=True):
                squares[name] += slope.square().reshape(squares[name].shape)
            texts += 1
    return {name: square / max(texts, 1) for name, square in squares.items()}


def _differentiable(
    module: torch.nn.Module, state: State, spec: SymmetrySpec
) -> tuple[dict[str, Tensor], Callable[..., Any]]:
    """Tensors of a state by which a module can be differentiated, and the module as a function of them.

    A class of another library may have several of them in one parameter, or in another order; then they are put
    together at each call.
    """
    rename: Callable[[State], State] | None = getattr(module, "own_tensors", None)
    if rename is None:
        return {name: _parameter(module, name, state[name].shape) for name in spec.axes}, module
    leaves = {name: state[name].detach().float().requires_grad_() for name in spec.axes}
    rest = {name: tensor.detach().float() for name, tensor in state.items() if name not in leaves}
    return leaves, lambda *text: functional_call(module, rename({**rest, **leaves}), text)


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
