"""What decides the map of a residual stream: rows that two models label alike (tokens, positions, classes)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fedot.fusion.canonical.groups import labelled_tables
from fedot.fusion.canonical.maps import GroupMap
from fedot.models import State
from fedot.symmetry import SymmetrySpec
from fedot.transport import Coupling, solve


def residual_map(cross: Tensor, *, keeps_mean: bool = False) -> GroupMap:
    """Orthogonal Procrustes over all labelled rows (Schonemann 1966), from their covariance (anchor, source).

    Unequal widths give a map with orthonormal rows or columns, scaled so that the mean square of the stream is
    kept. Where a LayerNorm is kept, the map takes the ones-vector to the ones-vector.
    """
    if keeps_mean:
        cross = cross - cross.mean(0, keepdim=True)
        cross = cross - cross.mean(1, keepdim=True)
        cross = cross + (1 + cross.norm()) / (cross.shape[0] * cross.shape[1]) ** 0.5  # now the largest direction
    u, _, vh = torch.linalg.svd(cross, full_matrices=False)
    rotation = u @ vh
    scale = (rotation.shape[0] / rotation.shape[1]) ** 0.5
    return GroupMap(write=rotation * scale, read=rotation / scale)


def residual_matching(cross: Tensor) -> Coupling:
    """Match the neurons of a stream that must not be rotated (post-norm), by an exact plan on the labelled rows."""
    gain = cross.T
    n, m = gain.shape
    return solve("exact", (gain.max() - gain).numpy(), np.full(n, 1 / n), np.full(m, 1 / m))


def labelled_covariance(
    source: State,
    anchor: State,
    source_spec: SymmetrySpec,
    anchor_spec: SymmetrySpec,
    group: str,
    row_weights: Mapping[str, Tensor],
) -> Tensor:
    """Cross-covariance of a stream over the rows that both models label alike, (anchor, source).

    Every table that ties labels to the stream (embeddings, positions, classifier) counts by the similarity it
    offers: its cross-covariance is divided by both tables' norms.
    """
    cross = torch.zeros(anchor_spec.groups[group].size, source_spec.groups[group].size, dtype=torch.float64)
    for name, rows in labelled_tables(anchor_spec, group):
        x, y = (torch.movedim(state[name], rows, 0) for state in (source, anchor))
        cross += table_moments(x, y, row_weights[anchor_spec.axes[name][rows].groups[0]]).similarity()
    return cross


@dataclass(frozen=True, slots=True)
class TableMoments:
    """Weighted second moments of two tables whose rows are labelled alike; those of blocks of rows add up.

    Attributes
    ----------
    cross
        (anchor, source)
    source_square, anchor_square
        Squared norms.
    """

    cross: Tensor
    source_square: Tensor
    anchor_square: Tensor

    def __add__(self, other: "TableMoments") -> "TableMoments":
        return TableMoments(
            self.cross + other.cross,
            self.source_square + other.source_square,
            self.anchor_square + other.anchor_square,
        )

    def similarity(self) -> Tensor:
        """Cross-covariance relative to both tables' norms, (anchor, source)."""
        return self.cross / (self.source_square * self.anchor_square).sqrt().clamp(min=1e-300)


def table_moments(source: Tensor, anchor: Tensor, weight: Tensor) -> TableMoments:
    """Moments of two tables (rows, width), each row counting by its weight, (rows,)."""
    x, y = (table * weight.sqrt()[:, None] for table in (source, anchor))
    return TableMoments(y.T @ x, x.square().sum(), y.square().sum())
