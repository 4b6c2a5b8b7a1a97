"""Optional second stage: distil the ensemble of the parents into the fused model on probe texts.

No label and no private text is used. Knowledge distillation after Hinton, Vinyals & Dean (2015); ensembles
distilled into a federated model after Lin et al. (2020, FedDF), who need public data, where texts drawn from
token counts do here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.problem.ensemble import gated_ensemble
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem, OfUnion
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.texts.draw import SHORTEST, draw_texts
from fedot.fusion.texts.probe import distance
from fedot.models import State, load_model, state_of
from fedot.models.optimisers import AdamW


@dataclass(frozen=True, slots=True)
class Distil(Stage):
    """Distil the parents' ensemble into the fused model.

    Parameters
    ----------
    distil_steps
        Batches of drawn texts that are learned from.
    """

    distil_steps: int = whole(100, least=1)


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


def distil_ensemble(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Distil) -> Fused:
    """Train the fused model to give what the parents' ensemble gives."""
    config = fused.config or problem.config_of(problem.anchor)
    return replace(fused, state=distil(fused.state, config, texts, Distillation(stage.distil_steps)))


def distil(state: State, config: Any, texts: TextSource, options: Distillation) -> State:
    """Train a fused model to give the parents' gated mean on texts drawn from their token counts.

    The loss is the `distance` to the ensemble, whose squared error of logits keeps the gradient alive where the
    ensemble is sure.

    Raises
    ------
    FedotError
        If there are no token counts.
    """
    problem = texts.problem
    if "vocab" not in problem.counts:
        raise FedotError("distillation draws texts from token counts, but none were given; pass `token_counts`")
    inputs = drawn_batches(texts, options)
    teacher = gated_ensemble(problem)
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        begun = {name: tensor.clone() for name, tensor in to_float32(state).items()}
        student = load_model(config, begun) if problem.alike else problem.module(problem.anchor, begun)
        for parameter in student.parameters():
            parameter.requires_grad_(True)
        optimiser = AdamW(student.parameters(), lr=options.lr, weight_decay=0.0, betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.lr, total_steps=options.steps + 1)
        for _, batch in zip(range(options.steps), inputs, strict=False):
            loss = distance(student(*batch), teacher(*batch), batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(student.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    trained = student.inner if isinstance(student, OfUnion) else student
    return {name: tensor.double() for name, tensor in state_of(trained).items()}


def drawn_batches(texts: TextSource, options: Distillation) -> Iterator[tuple[Tensor, ...]]:
    """Batches to learn from, without end: texts always drawn anew; translations, which are dear, from a pool."""
    problem = texts.problem
    if "class" not in problem.unions:
        batches = texts.probe(options.pool, options.seed + 100).batches
        order = torch.Generator().manual_seed(options.seed)
        while True:
            for place in torch.randperm(len(batches), generator=order):
                yield batches[int(place)]
    sources = [(texts.tokens_to_draw(k), problem.longest[k]) for k in problem.sources()]
    each, longest = -(-options.batch_size // len(sources)), max(most for _, most in sources)
    for step in count():
        batch = [
            F.pad(draw_texts(counts, each, (SHORTEST, most), seed), (0, longest - most))
            for seed, (counts, most) in enumerate(sources, options.seed + step * len(sources))
        ]
        yield (torch.cat(batch),)
