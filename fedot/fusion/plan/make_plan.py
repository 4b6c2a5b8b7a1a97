"""The plan of a fusion: which stages run, with which options. Made once, before a tensor is read.

This is the only place that decides anything. In memory (`fedot.fusion.fuse`), part by part (`fedot.fusion.by_part`),
from disk (`fedot.from_disk`) and on the client, the same plan is run.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from fedot.errors import FedotError
from fedot.fusion.align.align_options import Align
from fedot.fusion.plan.basis import Basis, Scheme
from fedot.fusion.plan.config import FusionConfig
from fedot.fusion.plan.stages import KINDS, METHODS, OPTIONAL, REFINEMENTS, UNLIKE
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.fusion.reduce.wide_model import check_blockable
from fedot.fusion.refine.class_shares import ClassShares
from fedot.fusion.refine.classifier import Refit, check_refittable, has_constants, refittable
from fedot.fusion.refine.distil import Distil
from fedot.fusion.refine.learned_maps import LearnMaps, check_learnable
from fedot.fusion.refine.repair import Repair
from fedot.text.outside import printable

AnyStage = TypeVar("AnyStage", bound=Stage)


@dataclass(frozen=True, slots=True)
class FusionPlan:
    """What a fusion does, completely: all defaults are filled in.

    Parameters
    ----------
    method
        Name from `fedot.fusion.plan.stages.METHODS`; never ``auto``.
    stages
        In the order in which they run.

    Examples
    --------
    >>> plan = plan_without_models(FusionConfig(method="zhang"))
    >>> plan.as_dict()["stages"][-1]
    {'stage': 'zhang', 'heads': 'own', 'count_rows': True}
    >>> FusionPlan.from_dict(plan.as_dict()) == plan
    True
    """

    method: str
    stages: tuple[Stage, ...]

    def find(self, kind: type[AnyStage]) -> AnyStage | None:
        """Give the stage of a kind, or None where the plan has none."""
        return next((stage for stage in self.stages if isinstance(stage, kind)), None)

    def get(self, kind: type[AnyStage]) -> AnyStage:
        """Give the stage of a kind; one with its defaults where the plan has none."""
        return self.find(kind) or kind()

    @property
    def core(self) -> tuple[Stage, ...]:
        """Stages that make one model of many."""
        return tuple(stage for stage in self.stages if not isinstance(stage, (Basis, Scheme, *REFINEMENTS)))

    @property
    def refinements(self) -> tuple[Stage, ...]:
        """Stages that work on the fused model."""
        return tuple(stage for stage in self.stages if isinstance(stage, REFINEMENTS))

    def as_dict(self) -> dict[str, Any]:
        """Write the plan as plain values: ``{"method": ..., "stages": [{"stage": ..., option: value, ...}, ...]}``."""
        names = {kind: name for name, kind in KINDS.items()}
        return {
            "method": self.method,
            "stages": [{"stage": names[type(stage)], **asdict(stage)} for stage in self.stages],
        }

    @classmethod
    def from_dict(cls, values: object) -> "FusionPlan":
        """Read what `as_dict` wrote.

        Raises
        ------
        FedotError
            If it is no plan, or one that its method cannot have.
        """
        if not isinstance(values, Mapping) or set(values) != {"method", "stages"}:
            raise FedotError("a plan of a fusion is needed: a mapping with method and stages")
        method, written = values["method"], values["stages"]
        if not isinstance(method, str) or method not in METHODS or not isinstance(written, list | tuple):
            raise FedotError(
                f"the plan of a fusion has the method {printable(repr(method), 80)}; choose from {', '.join(METHODS)}"
            )
        stages = tuple(_read_stage(each) for each in written)
        found, possible = [type(stage) for stage in stages], METHODS[method]
        needed = [kind for kind in possible if kind in found or kind not in OPTIONAL]
        if found != needed:
            raise FedotError(f"the plan of a fusion has not the stages of its method {method}, in their order")
        return cls(method, stages)


def plan_fusion(
    config: FusionConfig,
    problem: FusionProblem,
    *,
    probed: bool = False,
    large: bool = False,
    shared_start: bool = False,
) -> FusionPlan:
    """Decide what is done with models, by all that is known of them but their tensors.

    ``auto`` becomes ``merged`` where models start apart and can be put side by side, and there is a probe or counts to
    draw one from; else ``aligned``, and the classifier of models that start apart is fitted anew if they can be run and
    have counted their tokens. Models that come from one global model share a basis already, and agree on more than
    their ensemble knows: they are averaged, and their classifier is left alone.

    Parameters
    ----------
    problem
        Models without their tensors (`fedot.fusion.problem.prepare.frame`).
    probed
        Whether there will be a probe, also where the problem has none yet.
    large
        Whether models are too large to be run as a matter of course.
    shared_start
        Whether all models were trained from one and the same.

    Returns
    -------
    FusionPlan

    Raises
    ------
    FedotError
        If a stage that was asked for cannot be had with these models.

    Examples
    --------
    >>> from fedot.fusion.problem.prepare import frame
    >>> from fedot.models import model_config, symmetry
    >>> config = model_config({"name": "encoder"}, vocab_size=50, n_class=2)
    >>> problem = frame([config] * 2, [symmetry(config)] * 2)
    >>> plan_fusion(FusionConfig(), problem).method  # nobody has counted tokens, so there is nothing to probe with
    'aligned'
    """
    apart = problem.weights[problem.anchor] > 0 and not shared_start
    method = config.method
    if method == "auto":
        method = "merged" if apart and can_be_merged(problem, probed) else "aligned"
    constants = has_constants(problem.specs[problem.anchor])
    fits = constants and refittable(problem.configs, problem.counts.get("vocab", ()))
    of_auto = config.method == "auto" and not shared_start and min(problem.weights) > 0 and not large and fits
    fitted = _has_words_and_classes(problem) if method == "merged" else of_auto
    shares = bool(config.options.get("class_shares", True)) and problem.class_counts is not None and constants
    plan = _assembled(method, config, refit=bool(config.options.get("refit", fitted)), class_shares=shares)
    check_plan(plan, problem, probed=probed)
    return plan


def check_plan(plan: FusionPlan, problem: FusionProblem, *, probed: bool = False) -> None:
    """Refuse a plan whose stages these models cannot have, by all that is known of them but their tensors.

    Parameters
    ----------
    plan
        Of any method.
    problem
        Models without their tensors.
    probed
        Whether there will be a probe, also where the problem has none yet.

    Raises
    ------
    FedotError
        Naming what is missing.

    Examples
    --------
    >>> from fedot.fusion.problem.prepare import frame
    >>> from fedot.models import model_config, symmetry
    >>> config = model_config({"name": "encoder"}, vocab_size=50, n_class=2)
    >>> problem = frame([config] * 2, [symmetry(config)] * 2)
    >>> check_plan(plan_without_models(FusionConfig(method="aligned", learn_steps=5)), problem)
    Traceback (most recent call last):
    fedot.errors.FedotError: fusion.learn_steps draws texts from token counts, but none were given; pass `token_counts`
    """
    if plan.method in UNLIKE and plan.find(Distil) and "vocab" not in problem.counts:
        raise FedotError(f"fusion.method {plan.method} draws texts from token counts; pass `token_counts`")
    learning = plan.find(LearnMaps)
    if learning is not None:
        check_learnable(problem, learning, probed=probed)
    if plan.find(Refit) and not (plan.method == "merged" and _has_words_and_classes(problem)):
        check_refittable(problem)
    align = plan.find(Align)
    if align is not None and align.mass == "given" and not problem.masses:
        raise FedotError("the mass is `given`, but no masses were; pass `masses` to fuse, or choose another mass")
    if plan.find(ClassShares) and problem.class_counts is None:
        raise FedotError("the plan sets the shares of classes, but no class counts were given; pass `class_counts`")


def plan_without_models(config: FusionConfig) -> FusionPlan:
    """Decide what is done with models of which nothing is known yet: what was asked for, and no optional stage else.

    Parameters
    ----------
    config
        The request; ``auto`` stands for ``aligned``.

    Returns
    -------
    FusionPlan

    Examples
    --------
    >>> [type(stage).__name__ for stage in plan_without_models(FusionConfig(method="aligned")).stages]
    ['Basis', 'Scheme', 'Align', 'Average']
    """
    method = "aligned" if config.method == "auto" else config.method
    refit, shares = (bool(config.options.get(name, False)) for name in ("refit", "class_shares"))
    return _assembled(method, config, refit=refit, class_shares=shares)


def _has_words_and_classes(problem: FusionProblem) -> bool:
    """Whether a reduction can have its classifier fitted: somebody has counted tokens, and there are classes."""
    return "vocab" in problem.counts and "class" in problem.unions


def can_be_merged(problem: FusionProblem, probed: bool) -> bool:
    """Whether models can be put side by side, and there is something to probe them with; no tensor is looked at."""
    if problem.probe is None and not probed and not problem.counts:
        return False
    try:
        for k in range(len(problem.weights)):
            check_blockable(problem.config_of(k))
    except FedotError:
        return False
    return True


def _assembled(method: str, config: FusionConfig, *, refit: bool, class_shares: bool) -> FusionPlan:
    """All stages of a method but those that are optional and neither asked for nor decided on."""
    optional: dict[type[Stage], bool] = {
        LearnMaps: bool(config.options.get("learn_steps", 0)),
        Repair: bool(config.options.get("repair", False)),
        Refit: refit,
        Distil: bool(config.options.get("distil_steps", method in UNLIKE)),
        ClassShares: class_shares,
    }
    given = config.options
    return FusionPlan(
        method,
        tuple(
            kind(**{each.name: given[each.name] for each in fields(kind) if each.name in given})
            for kind in METHODS[method]
            if optional.get(kind, True)
        ),
    )


def _read_stage(values: object) -> Stage:
    name = values.get("stage") if isinstance(values, Mapping) else None
    if not isinstance(values, Mapping) or not isinstance(name, str) or name not in KINDS:
        raise FedotError(f"a stage of a fusion's plan cannot be read; choose from {', '.join(KINDS)}")
    kind, options = KINDS[name], {key: value for key, value in values.items() if key != "stage"}
    known = {each.name for each in fields(kind)}
    if set(options) != known:
        odd = printable(min(set(options) ^ known, key=str), 80)
        raise FedotError(f"the stage {name} of a fusion's plan has, or lacks, the option {odd}")
    return kind(**options)
