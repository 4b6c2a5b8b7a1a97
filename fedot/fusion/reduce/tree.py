"""Reduction in a tree: a few models at a time are reduced to one, and then a few of the results, until a few are left.

Side by side, n models make one of n times the width, whose least-squares fits cost the cube of that. In a tree no step
has more than a few, so that time grows with n, and what is in memory with its logarithm. Each result stands for all
models below it: it has the sums of their weights and of their token counts. Neighbours meet, in the order of the
models, so that the result does not depend on which of them is there first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import torch

from fedot.fusion.canonical.labels import LabelUnion
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.models import State, symmetry

Join = Callable[[FusionProblem], tuple[State, Any]]
"""Makes one canonical model of those of a problem, and its configuration."""


@dataclass(frozen=True, slots=True)
class Row:
    """Where models stand among all that were expected, and what of these is reduced already.

    Attributes
    ----------
    length
        How many were expected; the tree is that of all of them, and who is missing leaves a gap.
    places
        Of every model that has a vote, in their order.
    joined
        By the places of a few models the problem of the one that they were reduced to.
    steps
        The stages that did that; where others are asked for, it is not used.
    """

    length: int
    places: tuple[int, ...]
    joined: Mapping[tuple[int, ...], FusionProblem] = field(default_factory=dict)
    steps: tuple[Stage, ...] = ()


def few_for_all(problem: FusionProblem, at_once: int, join: Join, row: Row | None = None) -> FusionProblem:
    """A problem of at most `at_once` models that stand for all with a vote; the same problem where these are so few.

    Its widths are those of the problem's anchor. It has nothing that a reduction does not ask for: no masses, no class
    counts, no models as they were given.

    Parameters
    ----------
    join
        Reduces a few of the models, or of what others were reduced to, to the widths of the widest among them.
    """
    voters = problem.voters()
    if len(voters) <= at_once:
        return problem
    row = row or Row(len(voters), tuple(range(len(voters))))
    at = dict(zip(row.places, voters, strict=True))

    def standing_for(places: range) -> FusionProblem | None:
        there = tuple(place for place in places if place in at)
        if len(there) < 2:
            return only(problem, at[there[0]]) if there else None
        if there in row.joined:
            return replace(row.joined[there], weights=(sum(problem.weights[at[place]] for place in there),))
        few = below(places)
        return few[0] if len(few) == 1 else joined(together(few), join)

    def below(places: range) -> list[FusionProblem]:
        found = [standing_for(part) for part in shared_out(places, at_once)]
        return [each for each in found if each is not None]

    return replace(together(below(range(row.length))), widths=problem.config_of(problem.anchor))


def shared_out(models: range, parts: int) -> list[range]:
    """Cut a row of models into `parts` of nearly equal length, or into single ones.

    Examples
    --------
    >>> shared_out(range(5), 2), shared_out(range(7, 9), 4)
    ([range(0, 2), range(2, 5)], [range(7, 8), range(8, 9)])
    """
    parts = min(parts, len(models))
    edges = [i * len(models) // parts for i in range(parts + 1)]
    return [models[low:high] for low, high in pairwise(edges)]


def only(problem: FusionProblem, model: int) -> FusionProblem:
    """The problem of one model alone, which has a place in the union of all labels still."""
    return replace(
        problem,
        states=(problem.states[model],),
        specs=(problem.specs[model],),
        configs=(problem.configs[model],),
        weights=(problem.weights[model],),
        anchor=0,
        unions={name: LabelUnion(each.labels, (each.index[model],)) for name, each in problem.unions.items()},
        counts={name: counts[model : model + 1] for name, counts in problem.counts.items()},
        masses=(),
        longest=problem.longest[model : model + 1],
        class_counts=None,
        given=(),
        widths=problem.config_of(model),
    )


def together(parts: Sequence[FusionProblem]) -> FusionProblem:
    """One problem of the models of several that have the same unions; weights sum to 1, widths are the widest."""
    first, weights = parts[0], [weight for each in parts for weight in each.weights]
    return replace(
        first,
        states=tuple(state for each in parts for state in each.states),
        specs=tuple(spec for each in parts for spec in each.specs),
        configs=tuple(config for each in parts for config in each.configs),
        weights=tuple(weights),
        unions={
            name: LabelUnion(union.labels, tuple(index for each in parts for index in each.unions[name].index))
            for name, union in first.unions.items()
        },
        counts={name: torch.cat([each.counts[name] for each in parts]) for name in first.counts},
        longest=tuple(longest for each in parts for longest in each.longest),
        widths=max((each.widths for each in parts), key=lambda config: (config.d_model, config.d_ff)),
    )


def joined(problem: FusionProblem, join: Join) -> FusionProblem:
    """Reduce the models of a problem to one: a problem of that one, with the sums of what these have learnt from."""
    whole = sum(problem.weights)
    shares = tuple(weight / whole for weight in problem.weights)
    state, config = join(replace(problem, weights=shares))
    mean_length = sum(share * longest for share, longest in zip(shares, problem.longest, strict=False))
    return replace(
        problem,
        states=(state,),
        specs=(symmetry(config),),
        configs=(config,),
        weights=(whole,),
        unions={
            name: LabelUnion(union.labels, (torch.unique(torch.cat(union.index)),))
            for name, union in problem.unions.items()
        },
        counts={name: counts.sum(0, keepdim=True) for name, counts in problem.counts.items()},
        longest=(round(mean_length),) if problem.longest else (),
    )
