"""Fuse large models one part at a time: an attention, a feed-forward layer, a block of a table's rows.

The functions are those of `fedot.fuse`, each on the part of the models' symmetry specs that hangs together
(`parts`), so that at no time more than one part of every model is in memory. A first pass over the labelled
tables solves the residual streams, a second one aligns, averages and hands out part after part.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.align.activations import Evidence
from fedot.fusion.align.align import align_inside, align_streams, check_planes
from fedot.fusion.align.align_models import common_ground
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.average import Average, average_aligned
from fedot.fusion.align.diagnostics import (
    GroupDiagnostics,
    Squares,
    diagnose_groups,
    group_diagnostics,
    squares_of,
    without_unmatched,
)
from fedot.fusion.align.streams import TableMoments, table_moments
from fedot.fusion.by_part.split import Rows, axis_of, blocks, parts
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.groups import labelled_tables, streams_of
from fedot.fusion.canonical.labels import LabelUnion, relabel
from fedot.fusion.canonical.maps import Alignment, GroupMap, apply_maps, keep_unmatched
from fedot.fusion.methods.vanilla import Vanilla
from fedot.fusion.plan import FusionPlan
from fedot.fusion.plan.basis import Basis, Scheme
from fedot.fusion.problem.checks import check_finite
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.refine.class_shares import ClassShares
from fedot.models import State
from fedot.storage.stored_state import StoredState
from fedot.storage.tensor_file import TensorFile
from fedot.symmetry import SymmetrySpec

METHODS = ("aligned", "vanilla")
"""Methods whose work on one part needs no other part."""

STAGES = (Basis, Scheme, Align, Average, Vanilla, ClassShares)


@dataclass(frozen=True, slots=True)
class Piece:
    """A fused part of the models.

    Attributes
    ----------
    state
        Fused tensors, float64.
    rows
        Which rows they are; None for whole tensors.
    axes
        For each tensor that is cut, the axis along which it is.
    diagnostics
        For each model how its groups in this part were matched; the anchor has none. Streams come with a first
        piece that has no tensors.
    aligned
        Every model's tensors in the anchor's basis, float64; the anchor's own are among them.
    alignments
        How each model came there; the anchor's is empty.
    squares
        For each model how its aligned tensors differ from the anchor's; empty for the anchor.
    """

    state: State
    rows: Rows | None
    axes: Mapping[str, int]
    diagnostics: tuple[Mapping[str, GroupDiagnostics], ...]
    aligned: tuple[State, ...]
    alignments: tuple[Alignment, ...]
    squares: tuple[Squares, ...]

    def put(self, state: State | StoredState, part: State) -> None:
        """Copy tensors of this piece (`state`, or one of `aligned`) to their place in a whole model's, in its type."""
        for name, tensor in part.items():
            axis = self.axes.get(name, 0)
            start = self.rows.start if self.rows is not None and name in self.axes else 0
            if isinstance(state, StoredState):
                state.write(name, tensor, axis, start)
            elif tensor.dim():
                state[name].narrow(axis, start, tensor.shape[axis]).copy_(tensor)
            else:
                state[name].copy_(tensor)


@dataclass(frozen=True, slots=True)
class Streamed:
    """Models that are fused part by part.

    Attributes
    ----------
    states
        Tensors of each model, read when they are asked for.
    specs
        Symmetry of each model as it is; the problem's have the labels of the unions.
    problem
        All but the tensors (`fedot.fusion.problem.prepare.frame`).
    names
        What the models are called in messages.
    ready
        Models that are in canonical form and are taken as they are.
    """

    states: tuple[Mapping[str, Tensor], ...]
    specs: tuple[SymmetrySpec, ...]
    problem: FusionProblem
    names: tuple[str, ...]
    ready: frozenset[int] = frozenset()

    def canonical(self, model: int, tensors: Sequence[str], rows: Rows | None) -> tuple[State, SymmetrySpec]:
        """One part of one model in canonical form with the labels of the union, and its spec."""
        spec, union = self.specs[model].part(tensors), self.problem.unions
        own, index = None, None
        if rows is not None:
            inside = (union[rows.group].index[model] >= rows.start) & (union[rows.group].index[model] < rows.stop)
            own = inside.nonzero()[:, 0]
            index = union[rows.group].index[model][own] - rows.start
            union = {**union, rows.group: _block_of(union[rows.group], rows, model, index)}
            spec = _resized(spec, rows.group, len(own))
        state = {name: self._read(model, name, spec, rows, own) for name in spec.shapes()}
        check_finite(state, self.names[model])
        whole = self.problem.specs[model].part(tensors)
        if rows is not None:
            whole = _resized(whole, rows.group, rows.stop - rows.start)
        done = {n: t.double() for n, t in state.items()} if model in self.ready else canonicalise(state, spec)
        return relabel(done, spec, union, model), whole

    def _read(self, model: int, name: str, spec: SymmetrySpec, rows: Rows | None, own: Tensor | None) -> Tensor:
        state = self.states[model]
        cut = None if rows is None or name not in spec.axes else axis_of(spec, name, rows.group)
        if cut is None or own is None:
            return state[name]
        if not len(own):
            return state[name].narrow(cut, 0, 0)
        first, last = int(own.min()), int(own.max()) + 1
        found = (
            state.rows(name, cut, first, last)
            if isinstance(state, StoredState | TensorFile)
            else state[name].narrow(cut, first, last - first)
        )
        return found if len(own) == last - first else found.index_select(cut, own - first)


Moments = dict[str, dict[str, TableMoments]]


def measure_tables(models: Streamed, stage: Align) -> tuple[Moments, ...]:
    """First pass: for each model the moments of its labelled tables with the anchor's, by stream and table."""
    problem, anchor = models.problem, models.problem.anchor
    spec = problem.specs[anchor]
    tables = [(stream, *table) for stream in streams_of(spec) for table in labelled_tables(spec, stream)]
    trust = [common_ground(problem, k, stage) for k in range(len(models.states))]
    out: tuple[Moments, ...] = tuple({stream: {} for stream in streams_of(spec)} for _ in models.states)
    for tensors in parts(spec):
        wanted = [(stream, name, axis, spec.axes[name][axis].groups[0]) for stream, name, axis in tables]
        wanted = [each for each in wanted if each[1] in tensors and any(bool(t[each[3]].any()) for t in trust)]
        for rows in blocks(spec, tensors) if wanted else ():
            target, _ = models.canonical(anchor, tensors, rows)
            for k in [k for k in range(len(models.states)) if k != anchor]:
                source, _ = models.canonical(k, tensors, rows)
                for stream, name, axis, group in wanted:
                    x, y = (torch.movedim(state[name], axis, 0) for state in (source, target))
                    found = table_moments(x, y, _sliced(trust[k], rows)[group])
                    so_far = out[k][stream]
                    so_far[name] = so_far[name] + found if name in so_far else found
    return out


def solve_streams(
    moments: Moments, spec: SymmetrySpec, anchor_spec: SymmetrySpec
) -> tuple[Alignment, dict[str, GroupDiagnostics]]:
    """The map of every residual stream of one model, and how well it fits the labelled rows."""
    crosses = {}
    for stream, tables in moments.items():
        shape = (anchor_spec.groups[stream].size, spec.groups[stream].size)
        crosses[stream] = sum((each.similarity() for each in tables.values()), torch.zeros(shape, dtype=torch.float64))
    alignment = align_streams(crosses, spec, anchor_spec)
    found = {}
    for stream, maps in alignment.maps.items():
        fit = _rows_fit(moments[stream], maps, anchor_spec, stream)
        found[stream] = group_diagnostics(stream, spec, anchor_spec, alignment, fit)
    return alignment, found


def _rows_fit(tables: Mapping[str, TableMoments], maps: GroupMap, spec: SymmetrySpec, stream: str) -> float | None:
    """Like `fedot.fusion.align.diagnostics.rows_fit`, from moments; None where the anchor is narrower."""
    if maps.write.shape[0] < maps.write.shape[1]:
        return None
    known = []
    for name, each in tables.items():
        if each.anchor_square > 0:
            role = next(axis.role for axis in spec.axes[name] if axis.groups == (stream,))
            matrix = maps.write if role == "write" else maps.read
            aligned = each.source_square * matrix.square().sum() / matrix.shape[1]  # its columns are orthogonal
            known.append(float((2 * (matrix * each.cross).sum() - aligned) / each.anchor_square))
    return sum(known) / len(known) if known else None


def fuse_parts(models: Streamed, plan: FusionPlan) -> Iterator[Piece]:
    """Fuse models part by part, as `fedot.fuse` does at once.

    Raises
    ------
    FedotError
        If the method needs whole models, or a model holds NaN.
    """
    _check_streamable(plan)
    problem, anchor = models.problem, models.problem.anchor
    count = range(len(models.states))
    stage, mean = plan.find(Align), plan.find(Average)
    by_count = (mean or plan.get(Vanilla)).count_rows
    spec, others = problem.specs[anchor], [k for k in count if k != anchor]
    streams = [Alignment({}, {}) for _ in count]
    if stage is not None:
        for k in others:
            check_planes(problem.specs[k], spec)
        moments = measure_tables(models, stage)
        found: list[dict[str, GroupDiagnostics]] = [{} for _ in count]
        for k in others:
            streams[k], found[k] = solve_streams(moments[k], problem.specs[k], spec)
        yield Piece({}, None, {}, tuple(found), ({},) * len(count), tuple(streams), ({},) * len(count))
    shares = problem.row_shares(by_count=by_count)
    given = problem.masses or ({},) * len(models.states)
    for tensors in parts(spec):
        for rows in blocks(spec, tensors):
            target, part = models.canonical(anchor, tensors, rows)
            aligned, found = [target for _ in count], [{} for _ in count]
            alignments, squares = [Alignment({}, {}) for _ in count], [Squares() for _ in count]
            for k in others:
                source, own = models.canonical(k, tensors, rows)
                aligned[k] = apply_maps(source, own, streams[k].maps)
                if stage is not None:
                    evidence = Evidence(given=given[k]), Evidence(given=given[anchor])
                    inner = align_inside(aligned[k], target, own, part, Alignment({}, {}), stage, *evidence)
                    both = {**streams[k].couplings, **inner.couplings}
                    inside = {name: each for name, each in both.items() if name in part.groups}
                    aligned[k] = keep_unmatched(apply_maps(aligned[k], own, inner.maps), target, part, inside)
                    known = without_unmatched(aligned[k], target, part, Alignment({}, inside))
                    squares[k] = squares_of(*known, part)
                    found[k] = _inner_diagnostics(*known, squares[k], own, part, inner, streams[k])
                    alignments[k] = Alignment({}, inner.couplings)
            circuits = mean is not None and mean.circuits
            fused = average_aligned(aligned, problem.weights, part, _sliced(shares, rows, axis=1), circuits=circuits)
            cut = {name: axis_of(part, name, rows.group) for name in part.axes} if rows is not None else {}
            axes = {name: axis for name, axis in cut.items() if axis is not None}
            yield Piece(fused, rows, axes, tuple(found), tuple(aligned), tuple(alignments), tuple(squares))


def _inner_diagnostics(
    aligned: State,
    anchor: State,
    squares: Squares,
    source_spec: SymmetrySpec,
    anchor_spec: SymmetrySpec,
    alignment: Alignment,
    streams: Alignment,
) -> dict[str, GroupDiagnostics]:
    """Diagnostics of the groups that live in one part alone."""
    groups = anchor_spec.groups
    inner = [name for name, group in groups.items() if group.kind != "labels" and name not in streams.maps]
    rows = {name: torch.zeros(group.size) for name, group in groups.items() if group.kind == "labels"}
    return diagnose_groups(inner, aligned, anchor, squares, source_spec, anchor_spec, alignment, rows)


def is_streamable(plan: FusionPlan) -> bool:
    """Whether a plan can be run part by part: nothing is to be measured on a probe, or on whole models."""
    align = plan.get(Align)
    return (
        all(isinstance(stage, STAGES) for stage in plan.stages)
        and plan.get(Scheme).scheme == "one-pass"
        and align.support == "weights"
        and align.mass in ("uniform", "l1", "l2", "given")
    )


def _check_streamable(plan: FusionPlan) -> None:
    if not is_streamable(plan):
        align, scheme = plan.get(Align), plan.get(Scheme).scheme
        raise FedotError(
            f"fusion.method {plan.method} with support {align.support}, mass {align.mass} and scheme {scheme} needs "
            f"whole models; use `fedot.fuse`, or one of {', '.join(METHODS)} with weights alone"
        )


def _sliced(values: Mapping[str, Tensor], rows: Rows | None, axis: int = 0) -> dict[str, Tensor]:
    out = dict(values)
    if rows is not None:
        out[rows.group] = out[rows.group].narrow(axis, rows.start, rows.stop - rows.start)
    return out


def _resized(spec: SymmetrySpec, group: str, size: int) -> SymmetrySpec:
    return replace(spec, groups={**spec.groups, group: replace(spec.groups[group], size=size)})


def _block_of(union: LabelUnion, rows: Rows, model: int, index: Tensor) -> LabelUnion:
    none = index.new_zeros(0)
    each = tuple(index if k == model else none for k in range(len(union.index)))
    return LabelUnion(union.labels[rows.start : rows.stop], each)
