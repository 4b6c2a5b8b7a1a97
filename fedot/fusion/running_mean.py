"""The mean of aligned models, taken one model after the other: what is in memory does not grow with their number.

It is the mean of `align_models` and `average_aligned`, up to rounding. The products of a head's circuits are added up,
where these put the factors side by side.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from fedot.fusion.align.align_models import aligned_to, evidence_of
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.average import Average
from fedot.fusion.canonical.canonicalise import Heads, get_heads, put_heads, refactor
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.text_source import TextSource
from fedot.models import State
from fedot.symmetry import SymmetrySpec


def mean_of_aligned(problem: FusionProblem, texts: TextSource, align: Align, average: Average) -> Fused:
    """Align every model that has a vote to the anchor, and average them; no aligned model is kept."""
    anchor = problem.states[problem.anchor]
    evidence = evidence_of(problem, texts, problem.anchor, align)
    rows = problem.row_shares(by_count=average.count_rows)
    total = RunningMean(problem.specs[problem.anchor], circuits=average.circuits)
    for k in problem.voters():
        state = anchor if k == problem.anchor else aligned_to(problem, texts, k, align, anchor, evidence)[0]
        total.add(state, problem.weights[k], {name: shares[k] for name, shares in rows.items()})
    return Fused(total.mean())


class RunningMean:
    """Adds up states in one basis, each with its share.

    Parameters
    ----------
    circuits
        As `average_aligned` takes it.
    """

    def __init__(self, spec: SymmetrySpec, *, circuits: bool) -> None:
        self._spec, self._circuits = spec, circuits
        self._sums: State = {}
        self._beside: State = {}
        self._products: dict[tuple[int, str], Tensor] = {}

    def add(self, state: State, share: float, rows: Mapping[str, Tensor]) -> None:
        """Add a model.

        Parameters
        ----------
        share
            Its weight; those of all models sum to 1.
        rows
            For each group of labels its share in every row, (rows,).
        """
        for name, axes in self._spec.axes.items():
            by: Tensor | float = share
            labelled = [i for i, axis in enumerate(axes) if axis.groups[0] in rows]
            if labelled:
                shape = [-1 if i == labelled[0] else 1 for i in range(state[name].ndim)]
                by = rows[axes[labelled[0]].groups[0]].reshape(shape)
            self._sums[name] = self._sums.get(name, 0.0) + state[name] * by
        for name in state:
            if name not in self._spec.axes:
                self._beside.setdefault(name, state[name].clone())
        if self._circuits:
            self._add_circuits(state, share)

    def _add_circuits(self, state: State, share: float) -> None:
        for number, attention in enumerate(self._spec.attentions):
            heads = get_heads(state, self._spec, attention)
            for circuit, (left, right) in {"qk": (heads.q, heads.k), "ov": (heads.o, heads.v)}.items():
                key = number, circuit
                product = left.mT @ right * share
                self._products[key] = self._products[key] + product if key in self._products else product

    def mean(self) -> State:
        """The mean of all that were added: their shares sum to 1."""
        out = {**self._sums, **self._beside}
        for number, attention in enumerate(self._spec.attentions if self._circuits else ()):
            heads = get_heads(out, self._spec, attention)
            o, v = _factors(self._products[number, "ov"], heads.d_head)
            if attention.rotary:  # channels of the scores must stay in their planes
                q, k = heads.q, heads.k
            else:
                q, k = _factors(self._products[number, "qk"], heads.d_head)
            put_heads(out, attention, Heads(q, k, v, o))
        return out


def _factors(product: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Best factors of (H, x, y) products at a rank: (H, rank, x) and (H, rank, y)."""
    one = torch.eye(product.shape[1], dtype=product.dtype).expand(len(product), -1, -1)
    return refactor(one, product, rank)
