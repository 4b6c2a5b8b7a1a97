"""Optional second stage: distil the ensemble of the parents into the fused model on probe texts.

No label and no private text is used. Knowledge distillation after Hinton, Vinyals & Dean (2015); ensembles
distilled into a federated model after Lin et al. (2020, FedDF), who need public data, where texts drawn from
token counts do here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.problem import FusionProblem
from fedot.fusion.texts.draw import SHORTEST, draw_texts
from fedot.fusion.texts.ensemble import gated_ensemble
from fedot.fusion.texts.probe import real_logits
from fedot.models import State, load_model, state_of


@dataclass(frozen=True, slots=True)
class Distillation:
    """How long and how fast: `steps` batches of `batch_size` texts.

    Translators learn from a `pool` of drawn sources with their parents' translations, again and again.
    """

    steps: int = 200
    pool: int = 2048
    batch_size: int = 64
    lr: float = 5e-4
    seed: int = 0


def distance(logits: Tensor, wanted: Tensor, batch: tuple[Tensor, ...]) -> Tensor:
    """Kullback-Leibler divergence to the wanted probabilities, plus a tenth of the squared error of logits."""
    target, given = real_logits(wanted, batch), real_logits(logits, batch).log_softmax(-1)
    loss = F.kl_div(given, target.log_softmax(-1), log_target=True, reduction="batchmean")
    return loss + 0.1 * F.mse_loss(given - given.mean(1, keepdim=True), target - target.mean(1, keepdim=True))


def distil(state: State, config: Any, problem: FusionProblem, options: Distillation) -> State:
    """Train a fused model to give the parents' gated mean on texts drawn from their token counts.

    The loss is the `distance` to the ensemble, whose squared error of logits keeps the gradient alive where the
    ensemble is sure.

    Raises
    ------
    FedotError
        If there are no token counts.
    """
    if "vocab" not in problem.counts:
        raise FedotError("distillation draws texts from token counts, but none were given; pass `token_counts`")
    inputs = drawn_batches(problem, options)
    teacher = gated_ensemble(problem)
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        student = load_model(config, {name: tensor.clone() for name, tensor in to_float32(state).items()})
        for parameter in student.parameters():
            parameter.requires_grad_(True)
        optimiser = torch.optim.AdamW(student.parameters(), lr=options.lr, weight_decay=0.0, betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.lr, total_steps=options.steps + 1)
        for _, batch in zip(range(options.steps), inputs, strict=False):
            loss = distance(student(*batch), teacher(*batch), batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return {name: tensor.double() for name, tensor in state_of(student).items()}


def drawn_batches(problem: FusionProblem, options: Distillation) -> Iterator[tuple[Tensor, ...]]:
    """Batches to learn from, without end: texts always drawn anew; translations, which are dear, from a pool."""
    if "class" not in problem.unions:
        batches = problem.probe_or_drawn(options.pool, options.seed + 100).batches
        order = torch.Generator().manual_seed(options.seed)
        while True:
            for place in torch.randperm(len(batches), generator=order):
                yield batches[int(place)]
    sources = [(problem.tokens_to_draw(k), problem.longest[k]) for k in problem.sources()]
    each, longest = -(-options.batch_size // len(sources)), max(most for _, most in sources)
    for step in count():
        texts = [
            F.pad(draw_texts(counts, each, (SHORTEST, most), seed), (0, longest - most))
            for seed, (counts, most) in enumerate(sources, options.seed + step * len(sources))
        ]
        yield (torch.cat(texts),)
