"""How well models fit together: each neuron group's plan and fit, and the loss along the line between two models."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.align.average import vanilla_fusion
from fedot.fusion.canonical.groups import labelled_tables
from fedot.fusion.canonical.maps import Alignment, keep_unmatched
from fedot.models import State
from fedot.symmetry import Kind, SymmetrySpec


@dataclass(frozen=True, slots=True)
class GroupDiagnostics:
    """How one neuron group of a source was brought to the anchor's.

    Attributes
    ----------
    kind, source_size, anchor_size
        What may be done to the group, and how many neurons it has.
    cost
        Transport cost per unit of mass; None where nothing was transported.
    distance_from_identity, entropy
        Share of the mass that changes its index, and how far it is spread, both from 0 to 1 (`Coupling`); None
        where there is no plan. A rotation's plan is that of its squared entries.
    fit
        Share of the squared norm of the anchor's tensors in this group that the aligned source explains, 1 where
        they are equal; of a stream only the labelled rows that its map is fitted to (`rows_fit`). Below 0 the
        aligned source is farther from the anchor than zeros are. Neurons left unmatched do not count. None where
        shapes differ, or no row is common.
    pinned
        Why the group was not moved freely; None where it was.

    Examples
    --------
    >>> GroupDiagnostics("permutation", 4, 4, 0.0, 0.5, 0.0, 1.0, None).fit
    1.0
    """

    kind: Kind
    source_size: int
    anchor_size: int
    cost: float | None
    distance_from_identity: float | None
    entropy: float | None
    fit: float | None
    pinned: str | None


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """How one model was brought to the anchor; the anchor itself has no groups and a fit of 1.

    Attributes
    ----------
    groups
        By name of neuron group; a layer has groups of its own, so that these are its fits too.
    fit
        Share of the squared norm of all of the anchor's tensors that the aligned model explains.

    Examples
    --------
    >>> Diagnostics({}, 1.0).groups  # of the anchor
    {}
    """

    groups: Mapping[str, GroupDiagnostics]
    fit: float | None


@dataclass(frozen=True, slots=True)
class Barrier:
    """How the loss goes along the line from one model to another.

    Attributes
    ----------
    losses
        On equally spaced points from the first model to the second, (P,).
    barrier
        How far it rises over the straight line between its ends; never negative.

    Examples
    --------
    >>> Barrier((1.0, 3.0, 1.0), 2.0).barrier
    2.0
    """

    losses: tuple[float, ...]
    barrier: float


def barrier(
    state_a: Mapping[str, Tensor],
    state_b: Mapping[str, Tensor],
    loss: Callable[[State], float],
    points: int = 11,
    mean: Callable[[Sequence[State], Sequence[float]], State] = vanilla_fusion,
) -> Barrier:
    """How far a loss rises over the path between its two ends (Frankle et al. 2020; Ainsworth et al. 2023).

    The largest ``L((1 - t) a + t b) - ((1 - t) L(a) + t L(b))`` over t from 0 to 1, which is never negative.

    Parameters
    ----------
    state_a, state_b
        Two models of equal shapes, for example two of `FusionResult.aligned`.
    loss
        Any loss of a state.
    points
        How many points of the path are tried, both ends among them.
    mean
        How two models are mixed by weights that sum to 1: by default a straight line. `average_aligned` gives the path
        on which the circuits of heads are mixed, as in Theus et al. (2025), refactored at the models' own d_head.

    Returns
    -------
    Barrier
        The losses and the barrier.

    Raises
    ------
    FedotError
        If there are less than 2 points, or the models differ in shapes.

    Examples
    --------
    >>> left, right = {"w": torch.tensor([-1.0])}, {"w": torch.tensor([1.0])}
    >>> barrier(left, right, lambda state: 1 - float(state["w"]) ** 2, points=3)
    Barrier(losses=(0.0, 1.0, 0.0), barrier=1.0)
    """
    if points < 2:
        raise FedotError(f"a barrier between two models needs at least its 2 ends, got points={points}")
    at, ends = [k / (points - 1) for k in range(points)], [dict(state_a), dict(state_b)]
    losses = tuple(float(loss(mean(ends, [1 - t, t]))) for t in at)
    rises = [value - ((1 - t) * losses[0] + t * losses[-1]) for t, value in zip(at, losses, strict=True)]
    return Barrier(losses, max(0.0, *rises))


Squares = dict[str, tuple[float, float]]
"""By tensor: the squared norm of what aligned model and anchor differ in, and that of the anchor."""


def diagnose(
    aligned: State,
    anchor: State,
    source_spec: SymmetrySpec,
    anchor_spec: SymmetrySpec,
    alignment: Alignment,
    row_weights: Mapping[str, Tensor],
) -> Diagnostics:
    """Compare one canonical model, aligned, with the anchor.

    Parameters
    ----------
    row_weights
        For each group of labels, how far each label is common ground of the two, (rows,).
    """
    aligned, anchor = without_unmatched(aligned, anchor, anchor_spec, alignment)
    squares = squares_of(aligned, anchor, anchor_spec)
    names = tuple(anchor_spec.groups)
    groups = diagnose_groups(names, aligned, anchor, squares, source_spec, anchor_spec, alignment, row_weights)
    return Diagnostics(groups, explained(list(squares.values())))


def diagnose_groups(
    names: Iterable[str],
    aligned: State,
    anchor: State,
    squares: Squares,
    source_spec: SymmetrySpec,
    anchor_spec: SymmetrySpec,
    alignment: Alignment,
    row_weights: Mapping[str, Tensor],
) -> dict[str, GroupDiagnostics]:
    """Diagnostics of some groups of models `without_unmatched` neurons; their tensors matter to streams alone."""
    groups = {}
    for name in names:
        fit = (
            rows_fit(aligned, anchor, anchor_spec, name, row_weights)
            if labelled_tables(anchor_spec, name)
            else explained([squares[each] for each, _ in anchor_spec.tensors_of(name) if each in squares])
        )
        groups[name] = group_diagnostics(name, source_spec, anchor_spec, alignment, fit)
    return groups


def group_diagnostics(
    name: str, source_spec: SymmetrySpec, anchor_spec: SymmetrySpec, alignment: Alignment, fit: float | None
) -> GroupDiagnostics:
    """Diagnostics of one group, whose fit is known."""
    group, coupling = anchor_spec.groups[name], alignment.couplings.get(name)
    return GroupDiagnostics(
        kind=group.kind,
        source_size=source_spec.groups[name].size,
        anchor_size=group.size,
        cost=coupling.cost if coupling is not None and group.kind == "permutation" else None,
        distance_from_identity=coupling.distance_from_identity() if coupling is not None else None,
        entropy=coupling.entropy() if coupling is not None else None,
        fit=fit,
        pinned=_pinned(anchor_spec, name, moved=name in alignment.maps),
    )


def without_unmatched(aligned: State, anchor: State, spec: SymmetrySpec, alignment: Alignment) -> tuple[State, State]:
    """Both models with zeros for neurons that were left unmatched: those explain nothing."""
    nothing = dict.fromkeys(anchor, torch.zeros((), dtype=torch.float64))
    first, second = (keep_unmatched(state, nothing, spec, alignment.couplings) for state in (aligned, anchor))
    return first, second


def squares_of(aligned: State, anchor: State, spec: SymmetrySpec) -> Squares:
    """Squared differences and norms of all tensors whose shapes are equal."""
    return {
        name: ((anchor[name] - aligned[name]).square().sum().item(), anchor[name].square().sum().item())
        for name in spec.axes
        if aligned[name].shape == anchor[name].shape
    }


def rows_fit(
    aligned: State, anchor: State, spec: SymmetrySpec, group: str, row_weights: Mapping[str, Tensor]
) -> float | None:
    """Share of the labelled rows' squared norm that the map of a stream explains, ``1 - |Y - X O'|^2 / |Y|^2``.

    `aligned` holds the rows ``X O'`` and `anchor` the rows ``Y``, weighed as for the map itself; the mean over
    the tables that have common rows, since each counts alike there. None where there is none.
    """
    shares = []
    for name, rows in labelled_tables(spec, group):
        weight = row_weights[spec.axes[name][rows].groups[0]].sqrt()[:, None]
        if aligned[name].shape == anchor[name].shape:
            x, y = (torch.movedim(state[name], rows, 0) * weight for state in (aligned, anchor))
            shares.append(explained([((y - x).square().sum().item(), y.square().sum().item())]))
    known = [share for share in shares if share is not None]
    return sum(known) / len(known) if known else None


def explained(squares: Sequence[tuple[float, float]]) -> float | None:
    """One minus the squared error over the squared norm, from pairs of both; None where there is no norm."""
    error, norm = (sum(pair[i] for pair in squares) for i in (0, 1))
    return 1.0 - error / norm if norm > 0 else None


def _pinned(spec: SymmetrySpec, group: str, *, moved: bool) -> str | None:
    """Say why a group was not moved as freely as its kind lets one think."""
    if spec.groups[group].kind == "labels":
        return "its neurons have names, by which they are matched"
    if not moved:
        return "the method leaves it as it is"
    if spec.groups[group].kind == "rotary":
        return "rotary positions let only the two channels of a frequency turn"
    if spec.keeps_mean(group):
        return "a LayerNorm that is kept holds its mean direction"
    if spec.is_stream(group) and spec.groups[group].kind == "permutation":
        return "its norms let it be permuted, but not rotated"
    return None
