"""Give a fused classifier its thresholds back: over drawn texts its mean prediction is the share of each class.

The mean of models that have learnt different things may tell classes apart better than any of them, and yet call nearly
everything by one class: how much evidence a class needs is a constant, and the layers before it no longer meet it. So
does a mean of models of which each has seen mostly one class. Clients know how many of their examples are of which
class. And a mean prediction needs no sentences: texts of tokens drawn independently from token counts will do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax
from torch import Tensor

from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem, OfUnion, own_rows
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.refine.classifier import classifier_of, has_constants, texts_to_fit
from fedot.fusion.texts.draw import draw_texts, text_lengths
from fedot.models import State, load_model, symmetry

BATCH = 64
SEED = 2


@dataclass(frozen=True, slots=True)
class ClassShares(Stage):
    """Set the constants of a classifier by class counts.

    Parameters
    ----------
    probe_texts
        How many texts are drawn for two models, in proportion for more (`texts_to_fit`).
    """

    probe_texts: int = whole(256, least=1)


def match_class_shares(problem: FusionProblem, texts: TextSource, fused: Fused, stage: ClassShares) -> Fused:
    """Have the fused classifier give the classes in the shares that the models with a vote have counted."""
    del texts  # drawn from the counts themselves: a mean prediction needs no sentences
    assert problem.class_counts is not None  # a plan has this stage only where they are
    voters, config = problem.voters(), fused.config or problem.config_of(problem.anchor)
    own = None if problem.alike else own_rows(problem.unions["vocab"], problem.anchor)
    counts, classes = problem.counts["vocab"][voters], problem.class_counts[voters]
    return replace(fused, state=match_shares(fused.state, config, list(counts), list(classes), stage.probe_texts, own))


def match_shares(
    state: State,
    config: Any,
    token_counts: Sequence[Tensor],
    class_counts: Sequence[Tensor],
    probe_texts: int,
    own: Tensor | None = None,
) -> State:
    """Move the classifier's bias until the mean probability of every class is its share of all clients' examples.

    A classifier without a bias stays as it is.

    Parameters
    ----------
    state, config
        The fused model.
    token_counts
        How often each client has seen each of the fused model's tokens, (V,) each.
    class_counts
        How many examples of each class it has, (C,) each.
    probe_texts
        How many texts are drawn for two clients, in proportion for more (`texts_to_fit`): of each client in proportion
        to its examples.
    own
        The fused model's row of each token that is counted, where these are others (`OfUnion`).
    """
    if not has_constants(symmetry(config)):
        return state
    module = load_model(config, to_float32(state))
    module = module if own is None else OfUnion(module, own)
    shift = shares_shift(module, token_counts, class_counts, probe_texts, config.max_length)
    name = f"{classifier_of(config)}.bias"
    return {**state, name: state[name] + shift.to(state[name].dtype)}


def shares_shift(
    classify: Callable[[Tensor], Tensor],
    token_counts: Sequence[Tensor],
    class_counts: Sequence[Tensor],
    probe_texts: int,
    longest: int,
) -> Tensor:
    """What to add to a classifier's bias so that the mean probability of every class is its share, (C,) float64.

    Parameters
    ----------
    classify
        From token ids (N, L), padded with 0, to logits (N, C).
    token_counts, class_counts, probe_texts
        As `match_shares` takes them.
    longest
        Tokens of the longest text that it reads.
    """
    classes = torch.stack(list(class_counts)).double()
    examples = classes.sum(1) if classes.any() else torch.ones(len(classes), dtype=classes.dtype)
    texts = texts_to_fit(probe_texts, len(examples))
    numbers = [max(1, round(texts * share)) for share in (examples / examples.sum()).tolist()]
    lengths = text_lengths(token_counts, examples.tolist(), [longest])
    about = zip(token_counts, numbers, lengths, strict=True)
    drawn = [draw_texts(*each, SEED + k) for k, each in enumerate(about)]
    seen = classes.sum(0) + 0.5
    return constants(logits_on(drawn, classify), seen / seen.sum())


@torch.no_grad()
def logits_on(texts: Sequence[Tensor], classify: Callable[[Tensor], Tensor]) -> Tensor:
    """Run a classifier on texts (N_i, L_i): logits of all, (N, C), in float64."""
    return torch.cat([classify(batch) for each in texts for batch in torch.split(each, BATCH)]).double()


def constants(logits: Tensor, shares: Tensor) -> Tensor:
    """What to add to each class's logits (N, C), so that mean probabilities are `shares` (C,): (C,), of mean 0.

    They minimise ``mean logsumexp(logits + b) - <shares, b>``, whose slope is the difference of both.
    """
    from scipy.optimize import minimize  # here, since a client starts once for a question, and minimises nothing

    values, wanted = logits.numpy(), shares.numpy()

    def loss(b: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        moved = values + b
        return float(logsumexp(moved, 1).mean() - wanted @ b), softmax(moved, 1).mean(0) - wanted

    b: NDArray[np.float64] = minimize(loss, np.zeros(len(wanted)), jac=True, method="BFGS", options={"gtol": 1e-8}).x
    return torch.from_numpy(b - b.mean())
