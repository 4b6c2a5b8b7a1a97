"""Fuse model files and folders: check them, tell what would be done, do it, write the result."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.from_disk.job import Job, goes_by_parts, steps_of
from fedot.from_disk.metadata import model_metadata
from fedot.from_disk.sources import Source, builder, of_one_depth
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.diagnostics import GroupDiagnostics
from fedot.fusion.by_part.fuse_parts import Piece, Streamed, fuse_parts
from fedot.fusion.by_part.large import is_large
from fedot.fusion.by_part.split import fused_shapes
from fedot.fusion.canonical.groups import streams_of
from fedot.fusion.fuse import fuse
from fedot.fusion.methods.vanilla import Vanilla
from fedot.fusion.plan import FusionPlan, check_plan, plan_fusion
from fedot.fusion.plan.basis import Basis
from fedot.fusion.plan.config import FusionConfig
from fedot.fusion.problem.prepare import frame
from fedot.fusion.reduce.reduce_models import Reduce
from fedot.fusion.refine.class_shares import ClassShares
from fedot.fusion.texts.probe import Probe
from fedot.storage.tensor_file import TensorWriter
from fedot.terminal.pace import Step


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """What a fusion does with one neuron group: `sizes` are those of each model, `tensors` how many have it."""

    group: str
    kind: str
    sizes: tuple[int, ...]
    how: str
    tensors: int


def make_job(
    sources: Sequence[Source],
    config: FusionConfig,
    *,
    weights: Sequence[float] | None = None,
    anchor: int = 0,
    probed: bool = False,
    plan: FusionPlan | None = None,
) -> Job:
    """Check that models can be fused, and plan it.

    Parameters
    ----------
    probed
        Whether `run` will be given a probe.
    plan
        A plan of an earlier fusion, which is run as it is; then `config` has no say.

    Raises
    ------
    FedotError
        Naming what does not fit.
    """
    named = config.options.get("anchor", "global") if plan is None else plan.get(Basis).anchor
    if named != "global":
        raise FedotError(f"fusion.anchor is {named!r}, but files go by number; name one with --anchor")
    if len(sources) < 2:
        raise FedotError(f"got {len(sources)} model to fuse; give at least two")
    if len({source.is_folder for source in sources}) > 1:
        raise FedotError("files and folders cannot be fused with each other; give models of one kind")
    if weights is not None and any(not weight > 0 for weight in weights):
        raise FedotError(f"got the weights {list(weights)}; every one must be above 0, so leave that model out")
    folders = [source.folder for source in sources if source.folder is not None]
    if folders:
        from fedot.hf.alike import check_alike

        check_alike(folders)
    check_same_classes([(str(source.path), source.classes) for source in sources])
    sources = of_one_depth(sources)
    words = [source.vocabulary for source in sources if source.vocabulary is not None]
    counts = [source.counts for source in sources if source.counts is not None]
    examples = [source.class_counts for source in sources if source.class_counts is not None]
    complete, large = len(words) == len(sources), is_large(source.spec for source in sources)
    wanted = config.options.get("class_shares", True) if plan is None else plan.find(ClassShares) is not None
    shares = wanted and not large and len(examples) == len(counts) == len(sources)
    problem = frame(
        [source.config for source in sources],
        [source.spec for source in sources],
        weights=weights,
        token_counts=counts if len(counts) == len(sources) else None,
        class_counts=examples if shares else None,
        vocabularies=words if complete else None,
        anchor=anchor,
        build=builder(sources),
    )
    if plan is None:
        plan = plan_fusion(config, problem, probed=probed, large=large)
    else:
        check_plan(plan, problem, probed=probed)
    return Job(tuple(sources), problem, plan, complete)


def check_same_classes(named: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Refuse models, by name, that number the same classes in another order, or that have others.

    Raises
    ------
    FedotError
        Naming the first two that differ; models without names of classes go with all.
    """
    told = [(name, classes) for name, classes in named if classes]
    for name, classes in told[1:]:
        if tuple(classes) != tuple(told[0][1]):
            raise FedotError(
                f"{name} has the classes {', '.join(classes)}, but {told[0][0]} has "
                f"{', '.join(told[0][1])}; train both on the same ones, numbered alike"
            )


def plan_of(job: Job) -> tuple[GroupPlan, ...]:
    """Tell what is done with every neuron group, from the headers alone."""
    problem, anchor = job.problem, job.problem.anchor
    spec, streams = problem.specs[anchor], streams_of(problem.specs[anchor])
    heads = spec.heads()
    out = []
    for name, group in spec.groups.items():
        if group.kind == "labels":
            union = problem.unions[name]
            shared = int(torch.stack([union.present(k) for k in range(len(job.sources))]).prod(0).sum())
            kind = "name" if is_named(job, name) else "number"
            how = f"by {kind}: {shared} of {len(union.labels)} rows shared by all"
        elif job.plan.find(Vanilla):
            how = "left as it is"
        elif job.plan.find(Reduce):
            how = "put side by side, then reduced"
        elif name in streams:
            how = "rotated by labelled rows" if group.kind == "orthogonal" else "exact, on labelled rows"
        elif name in heads:
            how = "exact, on circuits"
        elif group.within is not None:
            how = f"{'turned' if group.kind == 'rotary' else 'rotated'} within {group.within}"
        else:
            align = job.plan.get(Align)
            how = f"{align.solver}, on {align.support}, {align.ground_cost}"
        sizes = tuple(source.spec.groups[name].size for source in job.sources)
        out.append(GroupPlan(name, group.kind, sizes, how, len(spec.tensors_of(name))))
    return tuple(out)


def is_named(job: Job, group: str) -> bool:
    """Whether all models say what the rows of a labelled group are; else the rows go by number."""
    if group == "vocab":
        return job.with_vocabulary
    if not job.sources[0].is_folder:
        return group == "class" and all(source.classes for source in job.sources)
    return all(group in source.folder.labels for source in job.sources if source.folder is not None)


def left_behind(job: Job) -> tuple[str, ...]:
    """Names of what lies in the models' folders and does not go into the fused one."""
    if not job.sources[0].is_folder:
        return ()
    from fedot.hf.companions import left_behind as names

    return names([source.path for source in job.sources])


def run(
    job: Job,
    out: Path,
    *,
    dtype: torch.dtype | None = None,
    probe: Probe | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> list[dict[str, GroupDiagnostics]]:
    """Fuse and write; return for each model how its groups were matched.

    Parameters
    ----------
    tell
        Called with the phase of each step of `steps_of` when it begins.

    Raises
    ------
    FedotError
        If a model turns out to hold NaN, or the result cannot be written; nothing is left behind then.
    """
    first, problem = job.sources[0], job.problem
    dtype = dtype or first.dtype
    vocabularies = [source.vocabulary or () for source in job.sources] if job.with_vocabulary else None
    steps = iter(steps_of(job, probed=probe is not None))
    tell(next(steps).phase)
    if not goes_by_parts(job) or probe is not None:
        models = [(s.tensors, s.config) for s in job.sources]
        tell(next(steps).phase)
        result = fuse(
            models,
            spec=[source.spec for source in job.sources],
            weights=problem.weights,
            token_counts=[s.counts for s in job.sources if s.counts is not None] if problem.counts else None,
            class_counts=None if problem.class_counts is None else list(problem.class_counts),
            vocabularies=vocabularies,
            anchor=problem.anchor,
            probe=probe,
            config=job.plan,
            build=problem.build,
        )
        tell(next(steps).phase)
        _write(job, out, result.state, result.config, dtype)
        return [dict(each.groups) for each in result.diagnostics]
    streamed = Streamed(
        tuple(source.tensors for source in job.sources),
        tuple(source.spec for source in job.sources),
        problem,
        tuple(str(source.path) for source in job.sources),
    )
    found: list[dict[str, GroupDiagnostics]] = [{} for _ in job.sources]
    shapes = fused_shapes(problem.specs[problem.anchor])
    if first.is_folder:
        state = {name: torch.empty(shape, dtype=dtype) for name, shape in shapes.items()}
        for piece in _told(fuse_parts(streamed, job.plan), steps, tell):
            piece.put(state, piece.state)
            _note(found, piece.diagnostics)
        _write(job, out, state, problem.config_of(problem.anchor), dtype)
        return found
    metadata = _metadata(job, problem.config_of(problem.anchor))
    with TensorWriter(out, shapes, dtype, metadata) as writer:
        for piece in _told(fuse_parts(streamed, job.plan), steps, tell):
            for name, tensor in piece.state.items():
                if piece.axes.get(name, 0) == 0:
                    writer.write(name, tensor, piece.rows.start if piece.rows and name in piece.axes else 0)
                else:
                    raise FedotError(f"{name} is cut along its second axis, which the file cannot take in blocks")
            _note(found, piece.diagnostics)
    return found


def _told(pieces: Iterable[Piece], steps: Iterator[Step], tell: Callable[[str], object]) -> Iterator[Piece]:
    """Hand on pieces; once one is dealt with, tell that the next one begins."""
    for piece in pieces:
        yield piece
        step = next(steps, None)
        if step is not None:
            tell(step.phase)


def _note(found: list[dict[str, GroupDiagnostics]], new: Sequence[Mapping[str, GroupDiagnostics]]) -> None:
    for own, each in zip(found, new, strict=True):
        own.update(each)


def _write(job: Job, out: Path, state: Mapping[str, Tensor], config: Any, dtype: torch.dtype) -> None:
    if not job.sources[0].is_folder:
        shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
        with TensorWriter(out, shapes, dtype, _metadata(job, config)) as writer:
            for name, tensor in state.items():
                writer.write(name, tensor)
        return
    from fedot.hf import save_folder
    from fedot.models.families.settings import renumbered

    config = renumbered(config, job.sources[0].config)
    fresh = out.with_name(f".{out.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        save_folder(fresh, dict(state), config, dtype, anchor=job.sources[0].path)
        if (out / "config.json").is_file():
            shutil.rmtree(out)
        fresh.replace(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _metadata(job: Job, config: Any) -> dict[str, str]:
    """What a file of fedot's says of itself: configuration, tokenizer or vocabulary, token counts."""
    tokenizers, problem = {source.tokenizer for source in job.sources}, job.problem
    return model_metadata(
        config,
        tokenizer=tokenizers.pop() if len(tokenizers) == 1 else None,
        vocabulary=problem.unions["vocab"].labels if job.with_vocabulary else None,
        token_counts=problem.counts["vocab"].sum(0) if "vocab" in problem.counts else None,
        classes=next((source.classes for source in job.sources if source.classes), ()),
        class_counts=None if problem.class_counts is None else problem.class_counts.sum(0),
        plan=job.plan,
    )
