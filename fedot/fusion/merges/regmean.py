"""Linear maps whose outputs are closest to all models' outputs, RegMean (Jin et al. 2023), of aligned models."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fedot.fusion.methods.flow import linears
from fedot.fusion.methods.pairwise import average_weights
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.texts.probe import activations

SHRINK = 0.9


@dataclass(frozen=True, slots=True)
class RegMean(Stage):
    """Merge the linear maps of aligned models so that outputs on all models' inputs are closest (Jin et al. 2023).

    Parameters
    ----------
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    probe_texts
        How many texts are drawn from token counts where no probe is given.
    """

    count_rows: bool = True
    probe_texts: int = whole(256, least=1)


def regmean(problem: FusionProblem, texts: TextSource, fused: Fused, stage: RegMean) -> Fused:
    """Merge every linear map of aligned models in closed form; all else is averaged.

    ``W = W_1 G_1 + ... (G_1 + ...)^-1`` with the inner products ``G_k`` of model k's inputs on the probe, their
    off-diagonal entries times 0.9, as published, and the models' weights. Inputs that no model uses leave the
    plain mean. Rows with names (classes, tokens) are averaged as in every method. The paper's models share a
    pretraining; alignment takes its place.
    """
    spec, settings = problem.specs[problem.anchor], problem.config_of(problem.anchor)
    probe = texts.probe(stage.probe_texts)
    names = linears(spec)
    grams: list[dict[str, Tensor]] = []
    for state in fused.aligned:
        read = activations(probe.module(settings, state), probe, [name.removesuffix(".weight") for name in names])
        grams.append({f"{name}.weight": shrunk(x.T @ x / len(x)) for name, x in read.items()})
    plain = average_weights(problem, stage, fused.aligned, fused.alignments)
    merged = dict(plain.state)
    for name in names:
        merged[name] = regress(
            [state[name] for state in fused.aligned], [gram[name] for gram in grams], problem.weights
        )
    return replace(fused, state=merged)


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
