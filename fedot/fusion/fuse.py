"""Fuse models that were trained apart: prepare them, let a method align and average, report what was done."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from fedot.fusion.align.anchors import SCHEMES, choose_anchor
from fedot.fusion.align.diagnostics import Diagnostics, diagnose
from fedot.fusion.by_part.large import by_parts, fuse_large, is_large
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.config import FusionConfig
from fedot.fusion.methods import Fused, method
from fedot.fusion.methods.auto import settle
from fedot.fusion.prepare import Model, fill, frame, read_models
from fedot.fusion.problem import FusionProblem
from fedot.fusion.refine.class_shares import match_shares
from fedot.fusion.refine.classifier import check_refittable, refit_outputs
from fedot.fusion.refine.distil import Distillation, distil
from fedot.fusion.refine.learned_maps import Learning, check_learnable, learn
from fedot.fusion.refine.repair import repair
from fedot.fusion.refine.trainable import stream_sizes, trainable
from fedot.fusion.result import FusionResult
from fedot.fusion.texts.probe import Probe
from fedot.models import State, symmetry
from fedot.symmetry import SymmetrySpec


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
    config: FusionConfig | None = None,
) -> FusionResult:
    """Align models to one of them by optimal transport and average them, without any data.

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
    config
        The method and its options; `fedot.fusion.methods.METHODS` names all methods.

    Raises
    ------
    FedotError
        If the models cannot be fused; the message names what does not fit.
    """
    config = config or FusionConfig()
    chosen = method(config.method)
    given = read_models(models, spec)
    problem = frame(
        given.configs,
        given.specs,
        weights=weights,
        token_counts=token_counts,
        class_counts=class_counts if config.class_shares else None,
        vocabularies=vocabularies,
        anchor=anchor,
        probe=probe,
        masses=masses,
    )
    if config.learn_steps:
        check_learnable(problem)
    if config.refit:
        check_refittable(problem)
    words = problem.unions["vocab"].labels if vocabularies is not None else None
    if config.anchor == "medoid":
        problem = fill(problem, given)
    problem = replace(problem, anchor=choose_anchor(problem, config, chosen, validation_losses))
    settled = settle(problem, config, probed=probe is not None, large=is_large(given.states))
    if by_parts(given.states, settled):
        large = fuse_large(given, problem, settled)
        return replace(large, vocabulary=words, state=_with_shares(large.state, large.config, problem, config))
    problem = problem if problem.states else fill(problem, given)
    fused = SCHEMES[config.scheme](problem, config, chosen)
    if config.learn_steps:
        fused = learn(fused, problem, config, Learning(config.learn_steps))
    fused_config = fused.config or problem.config_of(problem.anchor)
    state = fused.state
    if config.repair:
        state = repair(state, fused.aligned, problem, problem.probe_or_drawn(config.probe_texts))
    if settled.refit:
        state = refit_outputs(state, fused_config, problem, config.probe_texts)
    if config.distil_steps:
        state = distil(state, fused_config, problem, Distillation(config.distil_steps))
    if fused.config is not None:  # the weights are no average of the parents' own
        voters = problem.voters()
        sizes = stream_sizes([problem.states[k] for k in voters], [problem.specs[k] for k in voters])
        state = trainable(state, symmetry(fused_config), sizes)
    return FusionResult(
        to_float32(_with_shares(state, fused_config, problem, config)),
        fused_config,
        words,
        tuple(to_float32(state) for state in fused.aligned),
        problem.config_of(problem.anchor),
        fused.alignments,
        diagnostics_of(problem, fused, config),
        problem.anchor,
    )


def _with_shares(state: State, fused: Any, problem: FusionProblem, config: FusionConfig) -> State:
    """Have the fused classifier give the classes in their shares, where these were told."""
    if problem.class_counts is None:
        return state
    voters = problem.voters()
    return match_shares(
        state, fused, list(problem.counts["vocab"][voters]), list(problem.class_counts[voters]), config.probe_texts
    )


def diagnostics_of(problem: FusionProblem, fused: Fused, config: FusionConfig) -> tuple[Diagnostics, ...]:
    """Compare every aligned model with the anchor."""
    if not fused.aligned:  # the method brings no model into another's basis
        return ()
    anchor, spec = fused.aligned[problem.anchor], problem.specs[problem.anchor]
    return tuple(
        Diagnostics({}, 1.0)
        if k == problem.anchor
        else diagnose(aligned, anchor, problem.specs[k], spec, alignment, problem.trust(k, config))
        for k, (aligned, alignment) in enumerate(zip(fused.aligned, fused.alignments, strict=True))
    )
