"""Optional second stage: refine the maps of an alignment by gradients, so that the average does what the parents do.

Learned matching after Theus et al. (2025, arXiv 2506.22712): it starts from maps in closed form, stays within the
symmetries of the model, and wants the whole line between the models to be good, not one point of it. They learn from
labelled training data. That can be had, where somebody gives it as a probe with labels (`learn_from: labels`). By
default the goal is the parents' ensemble on drawn inputs, so that no label and no private text is used. They project a
free matrix to the nearest rotation; here a rotation is the exponential of a skew-symmetric matrix. With `learn_both`
the anchor is turned as well (Li & Shen 2026, arXiv 2606.23607). The orders of heads and feed-forward neurons stay those
of the closed form.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from fedot.errors import FedotError
from fedot.fusion.align.average import average_aligned
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.problem.ensemble import gated_ensemble
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.refine.distil import Distillation, drawn_batches
from fedot.fusion.refine.turns import Turns, from_anchor, no_angles, turned, turned_alignment, turns_of
from fedot.fusion.texts.probe import distance, real_logits
from fedot.models import MODELS, State, load_model
from fedot.models.optimisers import Adam

Runner = Callable[[State, tuple[Tensor, ...]], Tensor]
"""Logits of a state in the anchor's shape on a batch."""

Example = tuple[tuple[Tensor, ...], Tensor | None]
"""Inputs of a model, and their labels where these are learned from."""

FRESH = 1_000_000
"""Seed of the texts on which the closed form and what was learned are compared."""

HELD_OUT = 8
"""Of a probe's batches one in so many is not learned from, but compared on."""


_OWN = [name for name, kind in MODELS.items() if kind.whole_in_state]


@dataclass(frozen=True, slots=True)
class LearnMaps(Stage):
    """Refine the maps of an alignment by gradients.

    Parameters
    ----------
    learn_steps
        Steps of Adam, each on one batch.
    learn_from
        The models' ``ensemble``, on the probe or on drawn texts; or the ``labels`` of a probe that has some, which are
        somebody's data.
    learn_both
        Turn the anchor too, towards a path that both ends have learned, not all others towards the anchor alone.
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    """

    learn_steps: int = whole(100, least=1)
    learn_from: Literal["ensemble", "labels"] = "ensemble"
    learn_both: bool = False
    count_rows: bool = True


@dataclass(frozen=True, slots=True)
class Learning:
    """How long and how fast is learned, and from what.

    Attributes
    ----------
    steps
        Steps of Adam, each on one batch.
    lr
        Largest learning rate, of angles in radians; one cycle leads up to it and down again.
    spread
        Each step multiplies every model's weight by a number between ``1 - spread`` and ``1 + spread``; from 0 to
        below 1, so that every weight stays above 0. With 0.2 the weights of two equal models are from 0.4 to 0.6, as
        in the paper.
    checks
        Batches of fresh texts on which the closed form and what was learned are compared.
    seed
        Of the drawn texts, the order of a probe's batches, and the numbers that weights are multiplied by.
    labels
        Learn from a probe's labels, not from the ensemble.
    both
        Turn the anchor too.
    """

    steps: int = 100
    lr: float = 1e-2
    spread: float = 0.2
    checks: int = 8
    seed: int = 0
    labels: bool = False
    both: bool = False


Goal = Callable[[Example], Callable[[Tensor], Tensor]]
"""For an example the loss of logits on it; what does not depend on these is found out once."""


def check_learnable(problem: FusionProblem, stage: LearnMaps, *, probed: bool = False) -> None:
    """Refuse models whose maps cannot be refined, by all of a problem but its tensors.

    Parameters
    ----------
    probed
        Whether there will be a probe, without labels, where the problem has none yet.

    Raises
    ------
    FedotError
        If there is nothing to learn from, or nothing that runs the models.
    """
    if stage.learn_from == "labels" and not (problem.probe and problem.probe.labels):
        raise FedotError("fusion.learn_from is labels, but there are none; pass a `probe` with labels")
    if problem.probe is not None or probed:
        return
    if getattr(problem.configs[problem.anchor], "architecture", None) not in MODELS and problem.build is load_model:
        raise FedotError(
            f"fusion.learn_steps has to run models, and knows how for {', '.join(_OWN)}; pass `build` or a `probe`"
        )
    if "vocab" not in problem.unions:  # counts of a translator's two vocabularies are not kept (`frame`)
        tables = " and ".join(name for name in problem.unions if name.startswith("vocab"))
        raise FedotError(
            f"fusion.learn_steps draws texts from the token counts of one vocabulary, but the models have {tables}; "
            "set it to 0, or train with model.shared: true"
        )
    if "vocab" not in problem.counts:
        raise FedotError("fusion.learn_steps draws texts from token counts, but none were given; pass `token_counts`")


def learn_maps(problem: FusionProblem, texts: TextSource, fused: Fused, stage: LearnMaps) -> Fused:
    """Refine the maps of the alignment, and average anew."""
    rows = problem.row_shares(by_count=stage.count_rows)
    options = Learning(stage.learn_steps, labels=stage.learn_from == "labels", both=stage.learn_both)
    return learn(fused, texts, rows, options)


def learn(fused: Fused, texts: TextSource, rows: Mapping[str, Tensor], options: Learning) -> Fused:
    """Turn the aligned models against each other so that their plain mean becomes good: as the ensemble, or by labels.

    The mean is that of weights, also where that of the closed form was one of circuits: it is the plain mean that the
    maps were learned for. What is learned is kept if the mean's loss is smaller than before on texts drawn anew, or on
    the batches of a probe that were not learned from; else the result is `fused` itself. Every model computes what it
    did, but for neurons that nothing was matched with.

    Where fewer than two models have a vote, there is nothing to bring closer, and the result is `fused` as well.

    Parameters
    ----------
    fused
        A mean of models that are aligned to the anchor.
    texts
        Those of a problem that `check_learnable` lets pass.
    rows
        Share of every model in every labelled row, (K, rows).
    """
    problem = texts.problem
    voters = problem.voters()
    if len(voters) < 2:
        return fused
    spec = problem.specs[problem.anchor]
    learners = [k for k in voters if k != problem.anchor or options.both]
    goal, run = goal_of(problem, options), runner(problem)
    found = learn_turns(fused, texts, rows, learners, options, goal, run)
    if not found:
        return fused
    if options.both and problem.anchor in found:
        found = from_anchor(found, problem.anchor)
    states, alignments = list(fused.aligned), list(fused.alignments)
    for k, turns in found.items():
        states[k] = turned(states[k], spec, turns, alignments[k])
        alignments[k] = turned_alignment(alignments[k], spec, turns)
    mean = average_aligned(states, problem.weights, spec, rows, circuits=False)
    before, after = losses([fused.state, mean], texts, options, goal, run)
    return Fused(mean, tuple(states), tuple(alignments)) if after < before else fused


def learn_turns(
    fused: Fused,
    texts: TextSource,
    rows: Mapping[str, Tensor],
    learners: Sequence[int],
    options: Learning,
    goal: Goal,
    run: Runner,
) -> dict[int, Turns]:
    """Learn rotations of some of the aligned models, by their index; all others stay where they are.

    What becomes small is the loss of the models' plain mean, as `run` runs it, that the `goal` gives.
    """
    problem = texts.problem
    spec = problem.specs[problem.anchor]
    angles = {k: {name: angle.requires_grad_(True) for name, angle in no_angles(spec).items()} for k in learners}
    parameters = [angle for each in angles.values() for angle in each.values()]
    if not parameters:
        return {}
    optimiser = Adam(parameters, lr=options.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.lr, total_steps=options.steps + 1)
    generator = torch.Generator().manual_seed(options.seed)
    for example in islice(examples(texts, options, options.steps), options.steps):
        states = list(fused.aligned)
        for k, each in angles.items():
            states[k] = turned(states[k], spec, turns_of(spec, each), fused.alignments[k])
        factors = 1 + options.spread * (2 * torch.rand(len(states), generator=generator, dtype=torch.float64) - 1)
        weights = [weight * factor for weight, factor in zip(problem.weights, factors.tolist(), strict=True)]
        mixed = average_aligned(states, weights, spec, mixed_rows(rows, factors), circuits=False)
        loss = goal(example)(run(mixed, example[0]))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        return {k: turns_of(spec, each) for k, each in angles.items()}


def goal_of(problem: FusionProblem, options: Learning) -> Goal:
    """What is learned: the labels by cross-entropy in nats, or the ensemble by the `distance` of distillation."""
    if options.labels:
        return _labels
    teacher = gated_ensemble(problem)

    def ensemble(example: Example) -> Callable[[Tensor], Tensor]:
        batch, _ = example
        wanted = teacher(*batch)
        return lambda logits: distance(logits, wanted, batch)

    return ensemble


def _labels(example: Example) -> Callable[[Tensor], Tensor]:
    batch, labels = example
    assert labels is not None  # `check_learnable` has seen to it
    return lambda logits: F.cross_entropy(real_logits(logits, batch), labels)


def losses(states: Sequence[State], texts: TextSource, options: Learning, goal: Goal, run: Runner) -> list[float]:
    """Mean loss of every state on the same examples, of which nothing was learned."""
    totals, number = [0.0] * len(states), 0
    with torch.no_grad():
        for example in held_out(texts, options):
            number, loss = number + 1, goal(example)
            for i, state in enumerate(states):
                totals[i] += float(loss(run(state, example[0])))
    return [total / number for total in totals]


def examples(texts: TextSource, options: Learning, number: int) -> Iterator[Example]:
    """What is learned from, without end: the probe's batches in random order, else texts as distillation draws them."""
    probe = texts.problem.probe
    if probe is None:
        yield from ((batch, None) for batch in batches(texts, options.seed, number))
        return
    kept = _held_out(len(probe.batches))
    own = [k for k in range(len(probe.batches)) if k not in kept] or list(kept)
    order = torch.Generator().manual_seed(options.seed)
    while True:
        for place in torch.randperm(len(own), generator=order).tolist():
            yield probe.batches[own[place]], probe.labels[own[place]] if probe.labels else None


def held_out(texts: TextSource, options: Learning) -> list[Example]:
    """Examples that `examples` never gives, unless a probe has a single batch."""
    probe = texts.problem.probe
    if probe is None:
        fresh = batches(texts, options.seed + FRESH, options.checks)
        return [(batch, None) for batch in islice(fresh, options.checks)]
    kept = _held_out(len(probe.batches))
    return [(probe.batches[k], probe.labels[k] if probe.labels else None) for k in kept]


def _held_out(number: int) -> range:
    """Which of so many batches are compared on; of a single one it is that one, for there is no other."""
    return range(HELD_OUT - 1, number, HELD_OUT) if number >= HELD_OUT else range(number - 1, number)


def batches(texts: TextSource, seed: int, number: int) -> Iterator[tuple[Tensor, ...]]:
    """Batches as distillation draws them; of translations, which are dear, a pool no larger than it takes."""
    options = Distillation(seed=seed)
    return drawn_batches(texts, replace(options, pool=min(options.pool, number * options.batch_size)))


def runner(problem: FusionProblem) -> Runner:
    """Return a function that gives the logits of a state in the anchor's shape, and lets gradients through."""
    anchor, spec = problem.anchor, problem.specs[problem.anchor]
    module: nn.Module = problem.module(anchor, to_float32(problem.states[anchor]))
    copies = {copy for copy, _ in spec.lasting_ties()}
    rename: Callable[[State], State] = getattr(module, "own_tensors", dict)

    def run(state: State, batch: tuple[Tensor, ...]) -> Tensor:
        tensors = rename({name: tensor.float() for name, tensor in state.items() if name not in copies})
        logits: Tensor = functional_call(module, tensors, batch)
        return logits

    return run


def mixed_rows(rows: Mapping[str, Tensor], factors: Tensor) -> dict[str, Tensor]:
    """Multiply every model's shares of the rows, (K, rows), by its factor, (K,); columns sum to 1 again."""
    out = {}
    for name, shares in rows.items():
        scaled = shares * factors[:, None]
        out[name] = scaled / scaled.sum(0)
    return out
