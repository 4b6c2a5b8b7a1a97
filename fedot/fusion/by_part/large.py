"""Fuse large models in memory, part by part: what `fedot.fuse` does with them, in a fraction of the memory."""

from collections.abc import Iterable

import torch

from fedot.fusion.align.align_options import Align
from fedot.fusion.align.diagnostics import Diagnostics, GroupDiagnostics, Squares, diagnose_groups, explained
from fedot.fusion.by_part.fuse_parts import Streamed, fuse_parts, is_streamable
from fedot.fusion.by_part.split import fused_shapes, numbers_of
from fedot.fusion.canonical.maps import Alignment, GroupMap
from fedot.fusion.plan import FusionPlan
from fedot.fusion.plan.result import FusionResult
from fedot.fusion.plan.stages import run_stage
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.prepare import Given
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.text_source import TextSource
from fedot.models import State
from fedot.storage.allocator import give_back
from fedot.storage.stored_state import NamelessFile, StoredState
from fedot.symmetry import SymmetrySpec
from fedot.transport import Coupling

LARGE = 16_000_000
"""Numbers in a model from which on it is aligned part by part."""


def is_large(specs: Iterable[SymmetrySpec]) -> bool:
    """Whether the memory that one of the models with these specs takes matters."""
    return any(numbers_of(spec) >= LARGE for spec in specs)


def by_parts(specs: Iterable[SymmetrySpec], plan: FusionPlan) -> bool:
    """Whether a plan is to be run by `fuse_large`: models are large, and are aligned one part at a time."""
    return plan.find(Align) is not None and is_streamable(plan) and is_large(specs)


def fuse_large(
    given: Given, problem: FusionProblem, plan: FusionPlan, ready: frozenset[int] = frozenset()
) -> FusionResult:
    """Run a plan part by part: only one part of each model is ever in float64, and aligned models wait in files.

    Parameters
    ----------
    problem
        All but the models' tensors (`fedot.fusion.problem.prepare.frame`).
    ready
        Models that are in canonical form, and are taken as they are.

    Raises
    ------
    FedotError
        If the method needs whole models, or a model holds NaN.
    """
    count, spec = len(given), problem.specs[problem.anchor]
    names = tuple(f"model {k}" for k in range(count))
    fused: State = {name: torch.empty(shape) for name, shape in fused_shapes(spec).items()}
    aligned = tuple(_stored(spec) for _ in range(count))
    groups: list[dict[str, GroupDiagnostics]] = [{} for _ in range(count)]
    squares: list[Squares] = [{} for _ in range(count)]
    maps: list[dict[str, GroupMap]] = [{} for _ in range(count)]
    couplings: list[dict[str, Coupling]] = [{} for _ in range(count)]
    for piece in fuse_parts(Streamed(given.states, given.specs, problem, names, ready), plan):
        piece.put(fused, piece.state)
        for target, part in zip(aligned, piece.aligned, strict=True):
            piece.put(target, part)
        for k in range(count):
            groups[k] |= piece.diagnostics[k]
            maps[k] |= piece.alignments[k].maps
            couplings[k] |= piece.alignments[k].couplings
            for name, (error, norm) in piece.squares[k].items():
                so_far = squares[k].get(name, (0.0, 0.0))
                squares[k][name] = so_far[0] + error, so_far[1] + norm
        give_back()
    labels = [name for name, group in spec.groups.items() if group.kind == "labels"]
    diagnostics = [Diagnostics({}, 1.0) for _ in range(count)]
    for k in (k for k in range(count) if k != problem.anchor):
        found = diagnose_groups(labels, {}, {}, squares[k], problem.specs[k], spec, Alignment({}, {}), {}) | groups[k]
        diagnostics[k] = Diagnostics({name: found[name] for name in spec.groups}, explained(list(squares[k].values())))
    whole, texts = Fused(fused), TextSource(problem)
    for stage in plan.refinements:
        whole = run_stage(problem, texts, whole, stage)
    return FusionResult(
        whole.state,
        problem.config_of(problem.anchor),
        None,
        aligned,
        problem.config_of(problem.anchor),
        tuple(Alignment(*each) for each in zip(maps, couplings, strict=True)),
        tuple(diagnostics),
        problem.anchor,
        plan,
    )


def _stored(spec: SymmetrySpec) -> StoredState:
    """Room for a model in a file."""
    stored = StoredState(NamelessFile())
    for name, shape in fused_shapes(spec).items():
        stored.reserve(name, shape, torch.float32)
    return stored
