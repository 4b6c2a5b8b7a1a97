"""A reduction that begins while models are still awaited: what is complete of its tree is reduced at once.

When the last model is there, only the steps above it are left, and what is in memory is one model for each level of the
tree. The tree is that of all models that are expected, so the order in which they come changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.fuse import join_by, steps_below
from fedot.fusion.plan import FusionConfig, FusionPlan, plan_fusion
from fedot.fusion.problem.prepare import fill_as_asked, frame, read_models
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.reduce.reduce_models import Reduce
from fedot.fusion.reduce.tree import Row, joined, shared_out, together


@dataclass(slots=True)
class Ahead:
    """Takes models as they come, each with its place among all that are expected.

    Models must have one vocabulary, whose rows go by number. Where they turn out not to fit, or are not to be reduced,
    nothing is done ahead; whoever fuses all of them finds out why.

    Parameters
    ----------
    expected
        How many models are awaited.
    config
        What is asked of their fusion.
    shared_start
        As `fedot.fusion.fuse` takes it.

    Examples
    --------
    >>> import torch
    >>> from fedot.fusion import FusionConfig, fuse
    >>> from fedot.models import build_model, model_config, state_of
    >>> config = model_config({"name": "encoder", "d_model": 16}, vocab_size=50, n_class=2)
    >>> models = [(state_of(build_model(config, seed)), config) for seed in range(3)]
    >>> asked, counts = FusionConfig(method="merged", at_once=2), torch.ones(50)
    >>> ahead = Ahead(3, asked)
    >>> for place in (2, 1, 0):
    ...     ahead.add(place, *models[place], weight=1.0, token_counts=counts)
    >>> sorted(ahead.joined)  # 1 and 2 stand together in the tree of three
    [(1, 2)]
    >>> fuse(models, token_counts=[counts] * 3, config=asked, row=ahead.row([0, 1, 2])).config.d_model
    16
    """

    expected: int
    config: FusionConfig
    shared_start: bool = False
    joined: dict[tuple[int, ...], FusionProblem] = field(default_factory=dict)
    _alone: dict[tuple[int, ...], FusionProblem] = field(default_factory=dict, repr=False)
    _plan: FusionPlan | None = field(default=None, repr=False)
    _fits: bool = field(default=True, repr=False)

    def add(self, place: int, state: Mapping[str, Tensor], config: Any, *, weight: float, token_counts: Tensor) -> None:
        """Take a model, and reduce what is complete with it.

        Parameters
        ----------
        place
            From 0 to `expected` - 1.
        state, config, weight, token_counts
            As of one of the models that `fedot.fusion.fuse` takes.
        """
        if not self._fits:
            return
        try:
            given = read_models([(state, config)])
            told = frame(given.configs, given.specs, weights=[weight], token_counts=[token_counts])
            self._alone[(place,)] = replace(fill_as_asked(told, given), weights=(weight,), widths=told.config_of(0))
            self._advance(range(self.expected), place)
        except FedotError:
            self.give_up()

    def give_up(self) -> None:
        """Do nothing ahead any more, and forget what was done."""
        self._fits = False
        self.joined.clear()
        self._alone.clear()

    def row(self, places: Sequence[int]) -> Row:
        """What `fedot.fusion.fuse` is told: the places of its models with a vote, and what is reduced already."""
        return Row(self.expected, tuple(places), self.joined, steps_below(self._plan) if self._plan else ())

    def _advance(self, places: range, new: int) -> bool:
        """Reduce what a new model makes complete, from below; whether all of these places are one model now."""
        key = tuple(places)
        if key in self._alone or key in self.joined:
            return True
        if new not in places:  # nothing has changed there
            return False
        at_once = self.config.options.get("at_once")
        parts = shared_out(places, at_once if isinstance(at_once, int) else Reduce().at_once)
        complete = [self._advance(part, new) for part in parts]
        if not all(complete) or len(places) == self.expected:  # the last step is that of whoever knows the anchor
            return False
        self.joined[key] = self._reduced([self._taken(tuple(part)) for part in parts])
        return True

    def _taken(self, key: tuple[int, ...]) -> FusionProblem:
        return self._alone.pop(key) if key in self._alone else self.joined.pop(key)

    def _reduced(self, parts: Sequence[FusionProblem]) -> FusionProblem:
        labels = [{name: union.labels for name, union in part.unions.items()} for part in parts]
        if any(each != labels[0] for each in labels):
            raise FedotError("these models have not the same rows")
        few = together(parts)
        plan = plan_fusion(self.config, few, shared_start=self.shared_start)
        if plan.method != "merged" or steps_below(self._plan or plan) != steps_below(plan):
            raise FedotError("these models are not to be reduced, or not all in the same way")
        self._plan = plan
        return joined(few, join_by(plan))
