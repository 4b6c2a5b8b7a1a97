"""The ensemble that a fused model should equal: the parents' mean, each heard on what it is likely to know."""

from collections.abc import Callable

import torch
from torch import Tensor

from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.problem.problem import FusionProblem

NEGLIGIBLE = 1e-6
"""A model whose share in a text is below that is not run on it; its part would drown in the rounding of the rest."""


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

    A model of weight 0 has no vote. Where nobody has counted tokens, all that is known are the models' weights.
    """
    voters = problem.voters()
    modules = [problem.module(k, to_float32(problem.states[k])) for k in voters]
    prior = torch.tensor([problem.weights[k] for k in voters], dtype=torch.float64)
    counts = problem.counts["vocab"][voters] if "vocab" in problem.counts else None

    @torch.no_grad()
    def logits(*batch: Tensor) -> Tensor:
        gate = prior.expand(len(batch[0]), -1) if counts is None else posterior(batch[0], counts) * prior
        gate = (gate / gate.sum(1, keepdim=True)).float()
        mixed: Tensor | None = None
        for module, share in zip(modules, gate.T, strict=True):
            heard = (share > NEGLIGIBLE).nonzero().squeeze(1)
            if not len(heard):
                continue
            own = module(*(each[heard] for each in batch)).log_softmax(-1)
            part = own * share[heard].reshape(-1, *(1,) * (own.ndim - 1))
            mixed = own.new_zeros(len(gate), *own.shape[1:]) if mixed is None else mixed
            mixed.index_add_(0, heard, part)
        assert mixed is not None  # the shares of a text sum to 1
        return mixed

    return logits
