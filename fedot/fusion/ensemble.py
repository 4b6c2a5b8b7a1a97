"""The ensemble that a fused model should equal: the parents' mean, each heard on what it is likely to know."""

from collections.abc import Callable

import torch
from torch import Tensor

from fedot.fusion.canonicalise import to_float32
from fedot.fusion.problem import FusionProblem
from fedot.models import load_model


def posterior(texts: Tensor, counts: Tensor) -> Tensor:
    """How likely each text comes from each model's data, (B, K), rows summing to 1.

    Bayes' rule with independent tokens drawn from the counts (K, V), one half added to each.
    """
    smooth = counts + 0.5
    logs = (smooth / smooth.sum(1, keepdim=True)).log()
    logs[:, 0] = 0.0  # padding tells nothing
    result: Tensor = torch.softmax(logs[:, texts].sum(-1).T, -1)
    return result


def gated_ensemble(problem: FusionProblem) -> Callable[..., Tensor]:
    """Mean of the models' log-probabilities, each weighing what it is likely to know: ids (B, T) to logits (B, C).

    Of translators sources (B, S) and what their decoders read (B, T) to logits (B, T, V), weighed by the source.

    A model of weight 0 has no vote.
    """
    voters = [k for k, weight in enumerate(problem.weights) if weight > 0]
    modules = [load_model(problem.config_of(k), to_float32(problem.states[k])) for k in voters]
    prior = torch.tensor([problem.weights[k] for k in voters], dtype=torch.float64)
    counts = problem.counts["vocab"][voters]

    @torch.no_grad()
    def logits(*batch: Tensor) -> Tensor:
        gate = posterior(batch[0], counts) * prior
        gate = (gate / gate.sum(1, keepdim=True)).float()
        each = torch.stack([module(*batch).log_softmax(-1) for module in modules], 1)  # (B, K, ..., C)
        mixed: Tensor = (each * gate.reshape(gate.shape + (1,) * (each.ndim - 2))).sum(1)
        return mixed

    return logits
