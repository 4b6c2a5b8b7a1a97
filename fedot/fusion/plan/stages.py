"""All stages of a fusion and the function that runs each; a method is a sequence of them.

To add a stage, write its file (a dataclass of its options and one function) and its line in `STAGES`; to add a method,
one line in `METHODS`.
"""

from collections.abc import Callable
from typing import Any

from fedot.fusion.align.align_models import align_models
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.average import Average, average_models
from fedot.fusion.merges.fisher import FisherAverage, fisher_average
from fedot.fusion.merges.regmean import RegMean, regmean
from fedot.fusion.methods.anchor_alone import AnchorAlone, anchor_alone
from fedot.fusion.methods.c2m3 import C2M3, c2m3
from fedot.fusion.methods.git_rebasin import GitRebasin, git_rebasin
from fedot.fusion.methods.imfeld import Imfeld, imfeld
from fedot.fusion.methods.singh_jaggi import SinghJaggi, singh_jaggi
from fedot.fusion.methods.theus import Theus, theus
from fedot.fusion.methods.vanilla import Vanilla, vanilla
from fedot.fusion.methods.verma import Verma, verma
from fedot.fusion.methods.zhang import Zhang, zhang
from fedot.fusion.plan.basis import Basis, Scheme
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.reduce.reduce_models import Reduce, reduce_models
from fedot.fusion.refine.class_shares import ClassShares, match_class_shares
from fedot.fusion.refine.classifier import Refit, refit_classifier
from fedot.fusion.refine.distil import Distil, distil_ensemble
from fedot.fusion.refine.learned_maps import LearnMaps, learn_maps
from fedot.fusion.refine.repair import Repair, repair_average
from fedot.fusion.refine.trainable import Rescale, rescale_streams

Run = Callable[[FusionProblem, TextSource, Fused, Any], Fused]

STAGES: dict[str, tuple[type[Stage], Run]] = {
    "align": (Align, align_models),
    "anchor-alone": (AnchorAlone, anchor_alone),
    "average": (Average, average_models),
    "reduce": (Reduce, reduce_models),
    "c2m3": (C2M3, c2m3),
    "fisher-average": (FisherAverage, fisher_average),
    "git-rebasin": (GitRebasin, git_rebasin),
    "imfeld": (Imfeld, imfeld),
    "regmean": (RegMean, regmean),
    "singh-jaggi": (SinghJaggi, singh_jaggi),
    "theus": (Theus, theus),
    "vanilla": (Vanilla, vanilla),
    "verma": (Verma, verma),
    "zhang": (Zhang, zhang),
    "learn-maps": (LearnMaps, learn_maps),
    "repair": (Repair, repair_average),
    "refit": (Refit, refit_classifier),
    "distil": (Distil, distil_ensemble),
    "rescale": (Rescale, rescale_streams),
    "class-shares": (ClassShares, match_class_shares),
}

KINDS: dict[str, type[Stage]] = {"basis": Basis, "scheme": Scheme, **{name: kind for name, (kind, _) in STAGES.items()}}
"""Every kind of stage by its name in a written plan; the first two say how the others are run."""

OF_AVERAGES = (Repair, Refit, Distil, ClassShares)
OPTIONAL = (LearnMaps, *OF_AVERAGES)
"""Stages that a plan has only where they are asked for, or where models and counts allow them."""

REFINEMENTS = (*OPTIONAL, Rescale)
"""Stages that work on a fused model."""

METHODS: dict[str, tuple[type[Stage], ...]] = {
    "aligned": (Basis, Scheme, Align, Average, LearnMaps, *OF_AVERAGES),
    "merged": (Basis, Reduce, Refit, Distil, Rescale, ClassShares),
    "c2m3": (Basis, C2M3, LearnMaps, *OF_AVERAGES),
    "distilled": (Basis, AnchorAlone, Distil, ClassShares),
    "fisher": (Basis, Scheme, Align, FisherAverage, *OF_AVERAGES),
    "git-rebasin": (Basis, Scheme, GitRebasin, LearnMaps, *OF_AVERAGES),
    "imfeld": (Basis, Scheme, Imfeld, LearnMaps, *OF_AVERAGES),
    "regmean": (Basis, Scheme, Align, RegMean, *OF_AVERAGES),
    "singh-jaggi": (Basis, Scheme, SinghJaggi, LearnMaps, *OF_AVERAGES),
    "theus": (Basis, Scheme, Theus, LearnMaps, *OF_AVERAGES),
    "vanilla": (Vanilla, *OF_AVERAGES),
    "verma": (Basis, Scheme, Verma, LearnMaps, *OF_AVERAGES),
    "zhang": (Basis, Scheme, Zhang, LearnMaps, *OF_AVERAGES),
}
"""By method, the stages that its plans may have, in the order in which they run."""

UNLIKE = frozenset({"distilled"})
"""Methods that take models of any shapes together, since they run them and bring none into another's basis."""

_RUNS: dict[type[Stage], Run] = dict(STAGES.values())


def run_stage(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Stage) -> Fused:
    """Run one stage on what the stages before it have made."""
    return _RUNS[type(stage)](problem, texts, fused, stage)
