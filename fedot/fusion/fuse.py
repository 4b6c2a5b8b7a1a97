"""Fuse models that were trained apart: prepare them, plan, run the plan, report what was done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from fedot.fusion.align.align_models import align_models, diagnostics_of
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.average import Average
from fedot.fusion.by_part.large import by_parts, fuse_large, is_large
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.methods.theus import Theus
from fedot.fusion.plan import FusionPlan, check_plan, plan_fusion
from fedot.fusion.plan.basis import Basis, Scheme, choose_anchor, universe
from fedot.fusion.plan.config import FusionConfig
from fedot.fusion.plan.result import FusionResult
from fedot.fusion.plan.stages import UNLIKE, run_stage
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.prepare import Given, Model, fill, fill_as_asked, frame, read_models
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.reduce.reduce_models import Reduce
from fedot.fusion.reduce.tree import Join, Row, few_for_all
from fedot.fusion.refine.class_shares import ClassShares
from fedot.fusion.refine.classifier import Refit
from fedot.fusion.running_mean import mean_of_aligned
from fedot.fusion.texts.probe import Probe
from fedot.models import State, load_model
from fedot.symmetry import SymmetrySpec

COMPARED = 12
"""Of so many models at most it is told how well each fits the anchor."""


def fuse(
    models: Sequence[Model],
    *,
    spec: SymmetrySpec | Sequence[SymmetrySpec] | None = None,
    weights: Sequence[float] | None = None,
    token_counts: Sequence[Tensor] | None = None,
    class_counts: Sequence[Tensor] | None = None,
    vocabularies: Sequence[Sequence[str]] | None = None,
    anchor: int = 0,
    probe: Probe | None = None,
    masses: Sequence[Mapping[str, Tensor]] | None = None,
    validation_losses: Sequence[float] | None = None,
    shared_start: bool = False,
    config: FusionConfig | FusionPlan | None = None,
    row: Row | None = None,
    build: Callable[[Any, State], nn.Module] = load_model,
) -> FusionResult:
    """Make one model of many, without any data: by reduction, or by optimal transport and an average.

    Parameters
    ----------
    models
        Two or more modules, or (state, config) pairs, of one architecture and depth; widths, heads and
        vocabularies may differ.
    spec
        Symmetry of the models, for an architecture that fedot does not know: one for all, or one for each.
    weights
        One for each model, its number of training examples where it is known; equal if None. With token counts they
        tell how long its texts were, and texts are drawn as long.
    token_counts
        How often each model has seen each of its tokens, (V_k,); without them all tokens count alike.
    class_counts
        How many examples of each class each model has learnt from, (C,). With them, which takes token counts as well,
        the fused classifier's constants are set so that it gives the classes in these shares
        (`fedot.fusion.refine.class_shares`).
    vocabularies
        Token of each embedding row. Needed where the vocabularies differ; without them rows go by index.
    anchor
        Index of the model whose neurons, widths and heads the result has, unless `config.anchor` chooses another.
    probe
        Inputs for methods that look at activations; where it is None they draw texts from `token_counts`.
    masses
        For `mass="given"`: for each model, the masses of its neurons by neuron group, (n,) each; uniform where a
        group is not named.
    validation_losses
        One for each model, for ``anchor="best"``.
    shared_start
        Whether all models were trained from one and the same: then they share a basis, and ``auto`` averages them.
    config
        The method and its options (`fedot.fusion.plan.stages.METHODS` names all methods), or a plan, as of
        `FusionResult.plan`, which is run as it is.
    row
        For a reduction: where the models with a vote stand among all that were expected, and what is reduced already
        (`fedot.fusion.ahead`).
    build
        Makes a module of a configuration and a state, for methods that run models: `fedot.hf.probe_module` does so for
        folders of the transformers library. A probe has a function of its own.

    Returns
    -------
    FusionResult
        The fused model in canonical form, the models in its basis, and the plan.

    Raises
    ------
    FedotError
        If the models cannot be fused; the message names what does not fit.

    Examples
    --------
    >>> import torch
    >>> from fedot.models import EncoderConfig, build_model
    >>> config = EncoderConfig(vocab_size=50, n_class=2, d_model=16, n_head=2, n_layer=1, d_ff=32, max_length=8)
    >>> models = [build_model(config, seed=k) for k in (0, 1)]
    >>> result = fuse(models, token_counts=[torch.ones(50), torch.ones(50)])
    >>> result.plan.method, result.config.d_model
    ('merged', 16)
    """
    told = FusionConfig() if config is None or isinstance(config, FusionPlan) else config
    alike = (config.method if isinstance(config, FusionPlan) else told.method) not in UNLIKE
    given = read_models(models, spec, alike=alike)
    problem = frame(
        given.configs,
        given.specs,
        weights=weights,
        token_counts=token_counts,
        class_counts=class_counts if told.options.get("class_shares", True) else None,
        vocabularies=vocabularies,
        anchor=anchor,
        probe=probe,
        masses=masses,
        build=build,
        alike=alike,
    )
    if isinstance(config, FusionPlan):
        plan = config
        check_plan(plan, problem)
    else:
        plan = plan_fusion(told, problem, large=is_large(given.specs), shared_start=shared_start)
    if plan.get(Basis).anchor == "medoid":  # the only choice that looks at tensors
        problem = fill(problem, given)
    problem = with_basis(problem, plan, validation_losses)
    large = by_parts(given.specs, plan)
    result = fuse_large(given, problem, plan) if large else fuse_in_memory(given, problem, plan, row)
    if vocabularies is None:
        return result
    return replace(result, vocabulary=problem.unions["vocab"].labels if alike else tuple(vocabularies[result.anchor]))


def fuse_in_memory(given: Given, problem: FusionProblem, plan: FusionPlan, row: Row | None = None) -> FusionResult:
    """Run a plan on whole models.

    A reduction has few of them in memory at a time, and so has an average of aligned models that nothing else needs;
    only what is distilled needs all.
    How well each model fits the anchor is told of at most `COMPARED` models, of which all are in memory.

    Parameters
    ----------
    problem
        All but the models' tensors (`fedot.fusion.problem.prepare.frame`).
    """
    many = len(given) > COMPARED and few_at_a_time(plan)
    if not problem.states:
        problem = (fill_as_asked if many else fill)(problem, given)
    fused = reduced(problem, plan, row) if plan.find(Reduce) else averaged(problem, plan, many=many)
    ground = plan.get(Align)
    # a reduction brings no model into another's basis; how well they fit is told all the same
    if not fused.aligned and problem.alike and not many:
        compared = align_models(problem, TextSource(problem), Fused({}), ground)
        fused = replace(fused, aligned=compared.aligned, alignments=compared.alignments)
    return FusionResult(
        to_float32(fused.state),
        fused.config or problem.config_of(problem.anchor),
        None,
        tuple(to_float32(state) for state in fused.aligned),
        problem.config_of(problem.anchor),
        fused.alignments,
        diagnostics_of(problem, fused, ground),
        problem.anchor,
        plan,
    )


def few_at_a_time(plan: FusionPlan) -> bool:
    """Whether a plan needs no more than a few models in memory: a reduction, or a plain mean of aligned models."""
    mean = tuple(type(stage) for stage in plan.core) == (Align, Average) and plan.get(Scheme).scheme == "one-pass"
    return plan.find(Reduce) is not None or (mean and all(isinstance(each, ClassShares) for each in plan.refinements))


def averaged(problem: FusionProblem, plan: FusionPlan, *, many: bool) -> Fused:
    """Run a plan that brings models into one basis."""
    texts = TextSource(problem)
    if many:
        fused = mean_of_aligned(problem, texts, plan.get(Align), plan.get(Average))
    else:
        fused = in_one_basis(problem, texts, plan)
    return refined(problem, texts, fused, plan.refinements)


def reduced(problem: FusionProblem, plan: FusionPlan, row: Row | None = None) -> Fused:
    """Run a plan that reduces models, a few at a time: at every step a few are reduced, and their classifier fitted."""
    if row is not None and row.steps != steps_below(plan):
        row = replace(row, joined={})
    few = few_for_all(problem, plan.get(Reduce).at_once, join_by(plan), row)
    of_all = TextSource(problem)
    of_few = of_all if few is problem else TextSource(few)
    fused = run_core(few, plan.core, of_few)
    for stage in plan.refinements:
        # what is distilled is the ensemble of all, and sizes of streams and shares of classes are those of all
        texts = of_few if isinstance(stage, Refit) else of_all
        fused = run_stage(texts.problem, texts, fused, stage)
    return fused


def steps_below(plan: FusionPlan) -> tuple[Stage, ...]:
    """The stages of every step of a plan's reduction but the last."""
    return *plan.core, *(each for each in plan.refinements if isinstance(each, Refit))


def join_by(plan: FusionPlan) -> Join:
    """What is done in every step of a plan's reduction but the last."""

    def join(few: FusionProblem) -> tuple[State, Any]:
        fused = run_core(few, steps_below(plan))
        return fused.state, fused.config

    return join


def refined(problem: FusionProblem, texts: TextSource, fused: Fused, stages: Sequence[Stage]) -> Fused:
    """Run the stages that work on a fused model."""
    for stage in stages:
        fused = run_stage(problem, texts, fused, stage)
    return fused


def with_basis(problem: FusionProblem, plan: FusionPlan, losses: Sequence[float] | None = None) -> FusionProblem:
    """Choose the anchor as the plan says."""
    stages = [stage for stage in plan.core if not isinstance(stage, Average)]
    aligning, texts = [Align()] if plan.find(Reduce) else stages, TextSource(problem)

    def core(each: FusionProblem) -> Fused:
        return run_core(each, aligning, texts.of(each))

    return replace(problem, anchor=choose_anchor(problem, plan.get(Basis), core, plan.get(Align), losses))


def in_one_basis(problem: FusionProblem, texts: TextSource, plan: FusionPlan) -> Fused:
    """Run the core of a plan, once, or until the mean of the models settles."""
    if plan.get(Scheme).scheme == "one-pass":
        return run_core(problem, plan.core, texts)
    factors = [replace(stage, circuits=False) if isinstance(stage, Average | Theus) else stage for stage in plan.core]
    return universe(
        problem,
        lambda each: run_core(each, factors, texts.of(each)),
        lambda each: run_core(each, plan.core, texts.of(each)),
    )


def run_core(problem: FusionProblem, stages: Sequence[Stage], texts: TextSource | None = None) -> Fused:
    """Run the stages that make one model of many; the texts are those of the same problem."""
    return refined(problem, texts or TextSource(problem), Fused({}), stages)
