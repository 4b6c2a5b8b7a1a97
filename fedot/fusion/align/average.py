"""Weighted averages of states that share one basis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.canonical.canonicalise import Heads, get_heads, put_heads, refactor
from fedot.fusion.canonical.labels import normalise_weights
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.fusion.problem.text_source import TextSource
from fedot.models import State
from fedot.symmetry import SymmetrySpec
from fedot.terminal.stopwatch import timed


@dataclass(frozen=True, slots=True)
class Average(Stage):
    """Average aligned models by their weights.

    Parameters
    ----------
    circuits
        Average the score and output circuits of matched heads and refactor them, not their factors.
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    """

    circuits: bool = True
    count_rows: bool = True


@timed("averaging")
def average_models(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Average) -> Fused:
    """Average the aligned models (`average_aligned`)."""
    del texts
    rows = problem.row_shares(by_count=stage.count_rows)
    spec = problem.specs[problem.anchor]
    return replace(fused, state=average_aligned(fused.aligned, problem.weights, spec, rows, circuits=stage.circuits))


def vanilla_fusion(states: Sequence[State], weights: Sequence[float] | None = None) -> State:
    """Plain weighted mean of every tensor, as FedAvg takes it (McMahan et al. 2017).

    Parameters
    ----------
    states
        Models with equal tensors.
    weights
        One for each model, for example its number of examples; equal if None.

    Returns
    -------
    State
        The mean, in the type of each tensor.

    Raises
    ------
    FedotError
        If the states differ in keys or shapes, naming the first tensor that does.

    Examples
    --------
    >>> vanilla_fusion([{"w": torch.tensor([0.0])}, {"w": torch.tensor([4.0])}], weights=[3, 1])
    {'w': tensor([1.])}
    """
    shares = normalise_weights(weights, len(states))
    first = states[0]
    for state in states[1:]:
        odd = set(first) ^ set(state)
        if odd:
            raise FedotError(f"a plain mean needs equal models, but {min(odd)} is not in all of them")
        for name, tensor in first.items():
            if state[name].shape != tensor.shape:
                raise FedotError(
                    f"a plain mean needs equal models, but {name} has shapes "
                    f"{tuple(tensor.shape)} and {tuple(state[name].shape)}"
                )
    return {name: _mean([state[name] for state in states], shares) for name in first}


def average_aligned(
    states: Sequence[State],
    weights: Sequence[float] | None,
    spec: SymmetrySpec,
    row_shares: Mapping[str, Tensor],
    *,
    circuits: bool = True,
) -> State:
    """Average canonical states that are aligned to one anchor.

    Parameters
    ----------
    row_shares
        For each group of labels the share of every model in every row, (K, rows), columns summing to 1: a
        token's embedding is mostly that of the client who has seen it.
    circuits
        Average the circuits of each head and refactor them at the head's own rank. The mean of two products
        is what the fused head should compute; the product of two means is not. The score circuits of rotary
        attentions are an exception: their factors are averaged.
    """
    shares = normalise_weights(weights, len(states))
    out: State = {}
    for name, axes in spec.axes.items():
        tensors = [state[name] for state in states]
        labelled = [i for i, axis in enumerate(axes) if axis.groups[0] in row_shares]
        if labelled:
            rows = row_shares[axes[labelled[0]].groups[0]]
            shape = [1] * tensors[0].ndim
            shape[labelled[0]] = -1
            out[name] = sum((t * share.reshape(shape) for t, share in zip(tensors, rows, strict=True)), torch.zeros(()))
        else:
            out[name] = _mean(tensors, shares)
    for name in states[0]:
        out.setdefault(name, states[0][name].clone())
    if circuits:
        for attention in spec.attentions:
            each = [get_heads(state, spec, attention) for state in states]
            fused = _average_circuits(each, shares)
            if attention.rotary:  # channels of the scores must stay in their planes
                plain = get_heads(out, spec, attention)
                fused = Heads(plain.q, plain.k, fused.v, fused.o)
            put_heads(out, attention, fused)
    return out


def _average_circuits(each: Sequence[Heads], shares: Sequence[float]) -> Heads:
    """Best rank-d_head factors of the mean circuits; stacked factors are the sum of their circuits."""
    factors = {
        side: torch.cat(
            [
                getattr(heads, side) * (share if side in "qo" else 1.0)
                for heads, share in zip(each, shares, strict=True)
            ],
            dim=1,
        )
        for side in "qkvo"
    }
    rank = each[0].d_head
    q, k = refactor(factors["q"], factors["k"], rank)
    o, v = refactor(factors["o"], factors["v"], rank)
    return Heads(q, k, v, o)


def _mean(tensors: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    if not tensors[0].is_floating_point():
        return tensors[0].clone()
    total = sum((t.double() * share for t, share in zip(tensors, shares, strict=True)), torch.zeros(()))
    assert isinstance(total, Tensor)
    return total.to(tensors[0].dtype)
