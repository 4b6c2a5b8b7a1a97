"""Linear maps whose outputs are closest to all models' outputs, RegMean (Jin et al. 2023), of aligned models."""

import torch
from torch import Tensor

from fedot.fusion.config import FusionConfig
from fedot.fusion.fused import Fused
from fedot.fusion.methods.aligned import aligned
from fedot.fusion.methods.flow import linears
from fedot.fusion.methods.pairwise import average_weights
from fedot.fusion.problem import FusionProblem
from fedot.fusion.texts.probe import activations

SHRINK = 0.9


def regmean(problem: FusionProblem, config: FusionConfig) -> Fused:
    """Align models as ``aligned`` does, then merge every linear map in closed form; all else is averaged.

    ``W = W_1 G_1 + ... (G_1 + ...)^-1`` with the inner products ``G_k`` of model k's inputs on the probe, their
    off-diagonal entries times 0.9, as published, and the models' weights. Inputs that no model uses leave the
    plain mean. Rows with names (classes, tokens) are averaged as in every method. The paper's models share a
    pretraining; alignment takes its place.
    """
    found = aligned(problem, config)
    spec, settings = problem.specs[problem.anchor], problem.config_of(problem.anchor)
    probe = problem.probe_or_drawn(config.probe_texts)
    names = linears(spec)
    grams: list[dict[str, Tensor]] = []
    for state in found.aligned:
        read = activations(probe.module(settings, state), probe, [name.removesuffix(".weight") for name in names])
        grams.append({f"{name}.weight": shrunk(x.T @ x / len(x)) for name, x in read.items()})
    plain = average_weights(problem, config, found.aligned, found.alignments)
    merged = dict(plain.state)
    for name in names:
        merged[name] = regress(
            [state[name] for state in found.aligned], [gram[name] for gram in grams], problem.weights
        )
    return Fused(merged, found.aligned, found.alignments)


def shrunk(gram: Tensor) -> Tensor:
    """Inner products (n, n), those of different inputs made smaller, so that they can be inverted."""
    return SHRINK * gram + (1 - SHRINK) * torch.diag(gram.diagonal())


def regress(matrices: list[Tensor], grams: list[Tensor], weights: tuple[float, ...]) -> Tensor:
    """Minimise the weighted squared difference to every matrix's (m, n) outputs on its own inputs."""
    parts = [weight * gram for weight, gram in zip(weights, grams, strict=True)]
    total = torch.stack(parts).sum(0)
    ridge = 1e-9 * total.diagonal().mean().clamp(min=1e-12)  # decides only about inputs that are always zero
    plain = sum((weight * matrix for weight, matrix in zip(weights, matrices, strict=True)), torch.zeros(()))
    top = sum((matrix @ part for matrix, part in zip(matrices, parts, strict=True)), ridge * plain)
    result: Tensor = torch.linalg.solve(total + ridge * torch.eye(len(total), dtype=total.dtype), top.T).T
    return result.contiguous()
