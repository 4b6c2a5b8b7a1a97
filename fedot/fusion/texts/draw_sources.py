"""Probe pairs for encoder-decoders: sources drawn from token counts, with the model's own translations.

A source and a target drawn apart have nothing to do with each other, so cross-attention would be seen where it never
works. A parent's own greedy translation fits the source as far as that parent can tell, and needs no text either.
After sequence-level distillation (Kim & Rush 2016), whose sources are real.

Where both languages share a vocabulary, token counts cover both. Which of them are the target's the parent tells, too.
"""

import numpy as np
import torch
from torch import Tensor

from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.texts.draw import SHORTEST, draw_texts
from fedot.fusion.texts.probe import Probe, real_places
from fedot.models import Config, State, load_model
from fedot.tokenizer import Encoded
from fedot.translation.pairs import Pairs
from fedot.translation.special_tokens import PADDING, special_of
from fedot.translation.translator import Translator

BATCH = 64
LONGEST_SOURCE = 24
"""Tokens of the longest drawn source: about a sentence."""

TEXTS, ROUNDS = 256, 2
"""So many sources are drawn to find out what the target's tokens are, and again from what was found."""


def translated_probe(config: Config, state: State, sources: Tensor) -> Probe:
    """Pair sources (B, S) with what the model says to them: batches of sources and of what its decoder reads."""
    given = Encoded([row[row != 0].tolist() for row in sources], 0)
    translator = Translator.of([(config, to_float32(state))])
    special = special_of(config)
    said = translator.translate(given, beam=1)
    targets = [[special.first, *ids, special.last][: translator.longest + 1] for ids in said]
    pairs = Pairs(given, Encoded(targets, 0))
    parts = (np.arange(i, min(i + BATCH, len(pairs))) for i in range(0, len(pairs), BATCH))
    return Probe(tuple(pairs.batch(part, "cpu")[:2] for part in parts)).told_apart()


@torch.no_grad()
def source_counts(config: Config, state: State, counts: Tensor) -> Tensor:
    """How often each token occurs in sources alone, (V,) float64, from counts of both sides.

    What the model says to sources drawn from the counts is taken off, then again with sources drawn from the rest.
    """
    special, both = special_of(config), counts.double().clone()
    both[[PADDING, *special.unsaid, special.last]] = 0.0
    module, sources = load_model(config, to_float32(state)), both
    length = SHORTEST, min(LONGEST_SOURCE, config.max_length)
    for seed in range(ROUNDS):
        probe = translated_probe(config, state, draw_texts(sources, TEXTS, length, seed))
        each = [module(*batch)[real_places(batch[1], begun=True)].softmax(-1) for batch in probe.batches]
        sources = unsaid(both, torch.cat(each).double().mean(0))
    return sources


def unsaid(counts: Tensor, said: Tensor) -> Tensor:
    """Counts (V,) less what a translator says, whose mean probabilities are `said` (V,).

    How many target tokens were counted is the count over the probability of a token that is the target's alone, as most
    of what is said is: so it is the weighted median over all that is said.
    """
    said = said * (counts > 0)
    ratio = counts / said.clamp(min=1e-300)
    order = ratio.argsort()
    half = int((said[order].cumsum(0) < said.sum() / 2).sum())
    rest = (counts - ratio[order[half]] * said).clamp(min=0.0)
    return rest if bool(rest.any()) else counts
