"""Probe pairs for encoder-decoders: sources drawn from token counts, with the model's own translations.

A source and a target drawn apart have nothing to do with each other, so cross-attention would be seen where it never
works. A parent's own greedy translation fits the source as far as that parent can tell, and needs no text either.
After sequence-level distillation (Kim & Rush 2016), whose sources are real.
"""

import numpy as np
from torch import Tensor

from fedot.fusion.canonicalise import to_float32
from fedot.fusion.probe import Probe
from fedot.models import Config, State
from fedot.scenario import DecodingSpec
from fedot.tokenizer import Encoded
from fedot.translation.pairs import FIRST, LAST, Pairs
from fedot.translation.translator import Translator

BATCH = 64
LONGEST_SOURCE = 24
"""Tokens of the longest drawn source: about a sentence."""


def translated_probe(config: Config, state: State, sources: Tensor) -> Probe:
    """Pair sources (B, S) with what the model says to them: batches of sources and of what its decoder reads."""
    given = Encoded([row[row != 0].tolist() for row in sources], 0)
    translator = Translator.of([(config, to_float32(state))])
    said = translator.translate(given, DecodingSpec(beam=1))
    pairs = Pairs(given, Encoded([[FIRST, *ids, LAST][: translator.longest + 1] for ids in said], 0))
    parts = (np.arange(i, min(i + BATCH, len(pairs))) for i in range(0, len(pairs), BATCH))
    return Probe(tuple(pairs.batch(part, "cpu")[:2] for part in parts)).told_apart()
