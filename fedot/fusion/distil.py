"""Optional second stage: distil the ensemble of the parents into the fused model on probe texts.

No label and no private text is used. Knowledge distillation after Hinton, Vinyals & Dean (2015); ensembles
distilled into a federated model after Lin et al. (2020, FedDF), who need public data, where texts drawn from
token counts do here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fedot.fusion.canonicalise import to_float32
from fedot.fusion.probe import draw_texts
from fedot.fusion.problem import FusionProblem
from fedot.models import State, load_model, state_of


@dataclass(frozen=True, slots=True)
class Distillation:
    """How long and how fast: `steps` batches of `batch_size` texts of 2 to `length` tokens."""

    steps: int = 200
    batch_size: int = 64
    length: int = 64
    lr: float = 5e-4
    seed: int = 0


def posterior(texts: Tensor, counts: Tensor) -> Tensor:
    """How likely each text comes from each model's data, (B, K), rows summing to 1.

    Bayes' rule with independent tokens drawn from the counts (K, V), one half added to each.
    """
    smooth = counts + 0.5
    logs = (smooth / smooth.sum(1, keepdim=True)).log()
    logs[:, 0] = 0.0  # padding tells nothing
    result: Tensor = torch.softmax(logs[:, texts].sum(-1).T, -1)
    return result


def gated_ensemble(
    modules: Sequence[nn.Module], counts: Tensor, weights: Sequence[float]
) -> Callable[[Tensor], Tensor]:
    """Mean of the models' log-probabilities, each weighing what it is likely to know: ids (B, T) to logits (B, C)."""
    prior = torch.tensor(weights, dtype=torch.float64)

    @torch.no_grad()
    def logits(texts: Tensor) -> Tensor:
        gate = posterior(texts, counts) * prior
        gate = (gate / gate.sum(1, keepdim=True)).float()
        each = torch.stack([module(texts).log_softmax(-1) for module in modules], 1)  # (B, K, C)
        return (each * gate[:, :, None]).sum(1)

    return logits


def distil(
    state: State, config: Any, problem: FusionProblem, options: Distillation, parents: Sequence[nn.Module]
) -> State:
    """Train a fused classifier to give the parents' gated mean on texts drawn from their token counts.

    The loss is the Kullback-Leibler divergence to the ensemble's probabilities, plus the squared error of
    logits, which keeps the gradient alive where the ensemble is sure.
    """
    counts = problem.counts["vocab"]
    teacher = gated_ensemble(parents, counts, problem.weights)
    longest = min(options.length, problem.specs[problem.anchor].groups["position"].size)
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        student = load_model(config, {name: tensor.clone() for name, tensor in to_float32(state).items()})
        for parameter in student.parameters():
            parameter.requires_grad_(True)
        optimiser = torch.optim.AdamW(student.parameters(), lr=options.lr, weight_decay=0.0, betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.lr, total_steps=options.steps + 1)
        each = -(-options.batch_size // len(counts))
        for step in range(options.steps):
            texts = torch.cat(
                [
                    draw_texts(row, each, (2, longest), options.seed + step * len(counts) + k)
                    for k, row in enumerate(counts)
                ]
            )
            target = teacher(texts)
            given = student(texts).log_softmax(-1)
            loss = F.kl_div(given, target.log_softmax(-1), log_target=True, reduction="batchmean")
            loss = loss + 0.1 * F.mse_loss(given - given.mean(1, keepdim=True), target - target.mean(1, keepdim=True))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return {name: tensor.double() for name, tensor in state_of(student).items()}
