"""A fusion of files that is to be done, and what it will take: memory and steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from fedot.from_disk.sources import Source
from fedot.fusion.align.align_options import Align
from fedot.fusion.by_part.fuse_parts import is_streamable
from fedot.fusion.by_part.split import blocks, fused_shapes, numbers_of, parts
from fedot.fusion.canonical.groups import matched_groups
from fedot.fusion.fuse import COMPARED
from fedot.fusion.plan import FusionPlan
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.reduce.reduce_models import Reduce
from fedot.fusion.refine.class_shares import ClassShares
from fedot.symmetry import SymmetrySpec
from fedot.terminal.pace import Step

READING, WRITING = "reading the models", "writing the result"


@dataclass(frozen=True, slots=True)
class Job:
    """Models to be fused; `problem` has all but their tensors."""

    sources: tuple[Source, ...]
    problem: FusionProblem
    plan: FusionPlan
    with_vocabulary: bool


def steps_of(job: Job, *, probed: bool = False) -> tuple[Step, ...]:
    """What `run` tells that it does, in its order."""
    if not goes_by_parts(job) or probed:
        fusing = f"fusing {len(job.sources)} models ({job.plan.method})"
        return Step(READING, 1.0), Step(fusing, 8.0), Step(WRITING, 1.0)
    spec = job.problem.specs[job.problem.anchor]
    numbers = [
        sum(torch.Size(shape).numel() for shape in fused_shapes(spec.part(tensors)).values())
        / len(blocks(spec, tensors))
        for tensors in parts(spec)
        for _ in blocks(spec, tensors)
    ]
    first = [Step("aligning the streams", 0.2 * sum(numbers))] if job.plan.find(Align) else []
    pieces = (Step(f"fusing part {k + 1} of {len(numbers)}", each, "part") for k, each in enumerate(numbers))
    return *first, *pieces


def memory_of(job: Job) -> int:
    """Estimate the bytes that a fusion takes.

    Part by part these are the tensors of the largest part of every model twice, and its plans six times; else all
    models twice. A reduction of many has a few of them for each level of its tree, and twice the block model of a few
    and its moments: sums, and what comes of them.
    """
    spec, largest = job.problem.specs[job.problem.anchor], 0
    for tensors in parts(spec):
        part = spec.part(tensors)
        shapes = fused_shapes(part)
        numbers = sum(torch.Size(shape).numel() for shape in shapes.values()) // len(blocks(spec, tensors))
        inner = [group.size for group in part.groups.values() if group.kind == "permutation"]
        largest = max(largest, 2 * (len(job.sources) + 1) * numbers + 6 * max(inner, default=0) ** 2)
    if goes_by_parts(job):
        return 8 * largest
    whole, reduce = [numbers_of(spec) for spec in job.problem.specs], job.plan.find(Reduce)
    if reduce is None:
        return 8 * 2 * sum(whole)
    few = min(reduce.at_once, len(whole))
    held = sum(whole) if len(whole) <= COMPARED else few * max(whole) * len(whole).bit_length()
    block = few**2 * max(whole)
    widest = sorted(job.problem.specs, key=numbers_of)[-few:]
    return 8 * 2 * (held + block + moments_of(widest))


def goes_by_parts(job: Job) -> bool:
    """Whether one part of every model is in memory at a time: the method allows it, and no whole model is to be run."""
    return is_streamable(job.plan) and not job.plan.find(ClassShares)


def moments_of(specs: Sequence[SymmetrySpec]) -> int:
    """How many numbers a reduction of models with these specs measures.

    Second moments and sensitivities at every norm are square in the width of all streams side by side, the
    covariance in every layer in the number of all feed-forward neurons.
    """
    first = specs[0]
    norms = [first.axes[f"{norm.feeds[0]}.weight"][1] for norm in first.norms]
    streams = [sum(spec.axis_size(axis) for spec in specs) for axis in norms]
    neurons = [sum(spec.groups[name].size for spec in specs) for name in matched_groups(first)]
    return 2 * sum(size**2 for size in streams) + sum(size**2 for size in neurons)
