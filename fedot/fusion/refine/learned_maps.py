"""Optional second stage: refine the maps of an alignment by gradients, so that the average does what the parents do.

Learned matching after Theus et al. (2025, arXiv 2506.22712): it starts from maps in closed form, stays within the
symmetries of the model, and wants the whole line between the models to be good, not one point of it. They learn from
training data; here the goal is the parents' ensemble on texts drawn from token counts, so that no label and no private
text is used. They project a free matrix to the nearest rotation; here a rotation is the exponential of a
skew-symmetric matrix. The orders of heads and feed-forward neurons stay those of the closed form.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor, nn
from torch.func import functional_call

from fedot.errors import FedotError
from fedot.fusion.align.align import rotation_as_plan
from fedot.fusion.align.average import Average, average_aligned
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.canonical.maps import Alignment, GroupMap, apply_maps, keep_unmatched
from fedot.fusion.problem.ensemble import gated_ensemble
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.refine.distil import Distillation, drawn_batches
from fedot.fusion.texts.probe import distance
from fedot.models import MODELS, State, load_model
from fedot.symmetry import SymmetrySpec

Turns = dict[str, Tensor]
"""By neuron group: a rotation (n, n) of a stream, or one of each head's channels (H, n, n)."""

Runner = Callable[[State, tuple[Tensor, ...]], Tensor]
"""Logits of a state in the anchor's shape on a batch."""

FRESH = 1_000_000
"""Seed of the texts on which the closed form and what was learned are compared."""


@dataclass(frozen=True, slots=True)
class LearnMaps(Stage):
    """Refine the maps of an alignment on drawn texts.

    Parameters
    ----------
    learn_steps
        Steps of Adam, each on one batch of drawn texts.
    circuits, count_rows
        How the models are averaged (`fedot.fusion.align.average.Average`).
    """

    learn_steps: int = whole(100, least=1)
    circuits: bool = True
    count_rows: bool = True


@dataclass(frozen=True, slots=True)
class Learning:
    """How long and how fast is learned.

    Attributes
    ----------
    steps
        Steps of Adam, each on one batch of drawn texts.
    lr
        Largest learning rate, of angles in radians; one cycle leads up to it and down again.
    spread
        Each step multiplies every model's weight by a number between ``1 - spread`` and ``1 + spread``; from 0 to
        below 1, so that every weight stays above 0. With 0.2 the weights of two equal models are from 0.4 to 0.6, as
        in the paper.
    checks
        Batches of fresh texts on which the closed form and what was learned are compared.
    seed
        Of the drawn texts and of the numbers that weights are multiplied by.
    """

    steps: int = 100
    lr: float = 1e-2
    spread: float = 0.2
    checks: int = 8
    seed: int = 0


def check_learnable(problem: FusionProblem) -> None:
    """Refuse models whose maps cannot be refined, by all of a problem but its tensors.

    Raises
    ------
    FedotError
        If the models are of no architecture of fedot, or there are no token counts.
    """
    if getattr(problem.configs[problem.anchor], "architecture", None) not in MODELS:
        raise FedotError(f"fusion.learn_steps runs models of {', '.join(MODELS)} only; set it to 0")
    if "vocab" not in problem.unions:  # counts of a translator's two vocabularies are not kept (`frame`)
        tables = " and ".join(name for name in problem.unions if name.startswith("vocab"))
        raise FedotError(
            f"fusion.learn_steps draws texts from the token counts of one vocabulary, but the models have {tables}; "
            "set it to 0, or train with model.shared: true"
        )
    if "vocab" not in problem.counts:
        raise FedotError("fusion.learn_steps draws texts from token counts, but none were given; pass `token_counts`")


def learn_maps(problem: FusionProblem, texts: TextSource, fused: Fused, stage: LearnMaps) -> Fused:
    """Refine the maps of the alignment, and average anew as the average was taken."""
    del problem  # the texts have it
    return learn(fused, texts, Average(stage.circuits, stage.count_rows), Learning(stage.learn_steps))


def learn(fused: Fused, texts: TextSource, average: Average, options: Learning) -> Fused:
    """Turn the aligned models against each other so that their average comes close to the parents' ensemble.

    What is learned is kept if the average's `distance` to the ensemble on texts drawn anew is smaller than before;
    else the result is `fused` itself. Every model computes what it did, but for neurons that nothing was matched with.

    Where fewer than two models have a vote, there is nothing to bring closer, and the result is `fused` as well.

    Parameters
    ----------
    fused
        An average of models that are aligned to the anchor.
    texts
        Those of a problem that `check_learnable` lets pass.
    average
        How `fused` was averaged.
    """
    problem = texts.problem
    voters = problem.voters()
    if len(voters) < 2:
        return fused
    spec = problem.specs[problem.anchor]
    rows = problem.row_shares(by_count=average.count_rows)
    learners = [k for k in voters if k != problem.anchor]
    teacher, run = gated_ensemble(problem), runner(problem)
    found = learn_turns(fused, texts, rows, learners, options, teacher, run)
    if not found:
        return fused
    states, alignments = list(fused.aligned), list(fused.alignments)
    for k, turns in found.items():
        states[k] = turned(states[k], spec, turns, alignments[k])
        alignments[k] = turned_alignment(alignments[k], spec, turns)
    mean = average_aligned(states, problem.weights, spec, rows, circuits=average.circuits)
    before, after = losses([fused.state, mean], texts, options, teacher, run)
    return Fused(mean, tuple(states), tuple(alignments)) if after < before else fused


def learn_turns(
    fused: Fused,
    texts: TextSource,
    rows: Mapping[str, Tensor],
    learners: Sequence[int],
    options: Learning,
    teacher: Callable[..., Tensor],
    run: Runner,
) -> dict[int, Turns]:
    """Learn rotations of some of the aligned models, by their index; all others stay where they are.

    The loss is that of distillation: the `distance` of the models' plain mean, as `run` runs it, to the `teacher`.
    """
    problem = texts.problem
    spec = problem.specs[problem.anchor]
    angles = {k: {name: angle.requires_grad_(True) for name, angle in no_angles(spec).items()} for k in learners}
    parameters = [angle for each in angles.values() for angle in each.values()]
    if not parameters:
        return {}
    optimiser = torch.optim.Adam(parameters, lr=options.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.lr, total_steps=options.steps + 1)
    generator = torch.Generator().manual_seed(options.seed)
    for batch in islice(batches(texts, options.seed, options.steps), options.steps):
        states = list(fused.aligned)
        for k, each in angles.items():
            states[k] = turned(states[k], spec, turns_of(spec, each), fused.alignments[k])
        factors = 1 + options.spread * (2 * torch.rand(len(states), generator=generator, dtype=torch.float64) - 1)
        weights = [weight * factor for weight, factor in zip(problem.weights, factors.tolist(), strict=True)]
        mixed = average_aligned(states, weights, spec, mixed_rows(rows, factors), circuits=False)
        loss = distance(run(mixed, batch), teacher(*batch), batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        return {k: turns_of(spec, each) for k, each in angles.items()}


def losses(
    states: Sequence[State], texts: TextSource, options: Learning, teacher: Callable[..., Tensor], run: Runner
) -> list[float]:
    """Mean `distance` of every state to the teacher, on the same `checks` batches of fresh texts."""
    totals = [0.0] * len(states)
    with torch.no_grad():
        for batch in islice(batches(texts, options.seed + FRESH, options.checks), options.checks):
            wanted = teacher(*batch)
            for i, state in enumerate(states):
                totals[i] += float(distance(run(state, batch), wanted, batch)) / options.checks
    return totals


def batches(texts: TextSource, seed: int, number: int) -> Iterator[tuple[Tensor, ...]]:
    """Batches as distillation draws them; of translations, which are dear, a pool no larger than it takes."""
    options = Distillation(seed=seed)
    return drawn_batches(texts, replace(options, pool=min(options.pool, number * options.batch_size)))


def runner(problem: FusionProblem) -> Runner:
    """Return a function that gives the logits of a state in the anchor's shape, and lets gradients through."""
    anchor, spec = problem.anchor, problem.specs[problem.anchor]
    module: nn.Module = load_model(problem.config_of(anchor), to_float32(problem.states[anchor]))
    copies = {copy for copy, _ in spec.lasting_ties()}

    def run(state: State, batch: tuple[Tensor, ...]) -> Tensor:
        tensors = {name: tensor.float() for name, tensor in state.items() if name not in copies}
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


def no_angles(spec: SymmetrySpec) -> dict[str, Tensor]:
    """Zeros for every group that can be turned: (n, n) for a stream, (H, n, n) for channels within heads.

    Left alone are a stream that may only be permuted, and one whose mean a kept LayerNorm reads.
    """
    out, heads = {}, spec.heads()
    for name, group in spec.groups.items():
        if group.kind == "orthogonal" and not spec.keeps_mean(name):
            out[name] = torch.zeros(group.size, group.size, dtype=torch.float64)
        elif group.kind in ("linear", "rotary") and group.within in heads:
            out[name] = torch.zeros(spec.groups[group.within].size, group.size, group.size, dtype=torch.float64)
    return out


def turns_of(spec: SymmetrySpec, angles: Mapping[str, Tensor]) -> Turns:
    """Rotations by angles: exponentials of ``A - A'``, in rotary groups of the two channels of each plane only."""
    out = {}
    for name, angle in angles.items():
        skew = angle - angle.mT
        if spec.groups[name].kind == "rotary":
            plane = torch.arange(skew.shape[-1]) // 2
            skew = skew * (plane[:, None] == plane[None, :])
        out[name] = torch.linalg.matrix_exp(skew)
    return out


def turned(state: State, spec: SymmetrySpec, turns: Turns, alignment: Alignment) -> State:
    """Turn an aligned state; neurons that it has from the anchor, since nothing was matched with them, stay so."""
    maps = {name: GroupMap(_each_pair(turn), _each_pair(turn)) for name, turn in turns.items()}
    return keep_unmatched(apply_maps(state, spec, maps), state, spec, alignment.couplings)


def turned_alignment(alignment: Alignment, spec: SymmetrySpec, turns: Turns) -> Alignment:
    """Let the maps of an alignment be followed by rotations, and the plans of its streams be those of the product."""
    maps, couplings = dict(alignment.maps), dict(alignment.couplings)
    for name, turn in turns.items():
        by = turn if turn.ndim == 2 else turn[:, None]  # a head's own rotation for every head that comes to it
        before = maps.get(name)
        after = _each_pair(turn)
        maps[name] = GroupMap(after, after) if before is None else GroupMap(by @ before.write, by @ before.read)
        if spec.groups[name].kind == "orthogonal":
            couplings[name] = rotation_as_plan(maps[name].write)
    return Alignment(maps, couplings)


def _each_pair(turn: Tensor) -> Tensor:
    """As `GroupMap` wants it: rotations within heads (H, n, n) become (H, H, n, n), one for each pair of heads."""
    return turn if turn.ndim == 2 else turn[:, None].expand(-1, len(turn), -1, -1)
