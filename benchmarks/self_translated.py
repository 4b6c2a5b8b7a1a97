"""A probe for encoder-decoders, tried in `benchmarks.translation`: what the parents say to drawn sources.

A source and a target prefix drawn apart have nothing to do with each other, so cross-attention is seen where it never
works. Here only the source is drawn from token counts; the target is its parent's own greedy translation, so that still
no text of a client is needed. The output layer is then refitted to the ensemble on such pairs, drawn anew.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fedot.fusion import FusionConfig, FusionResult, fuse
from fedot.fusion.probe import Probe, activations, draw_texts, real_rows
from fedot.fusion.reduce import refit_linear
from fedot.models import Config, State, load_model
from fedot.scenario import DecodingSpec
from fedot.tokenizer import Encoded
from fedot.translation import Pairs
from fedot.translation.pairs import FIRST, LAST
from fedot.translation.translator import Translator

Model = tuple[Config, State]
BATCH, TEXTS, RIDGE = 64, 512, 1.0


def self_translated(models: Sequence[Model], counts: Sequence[Tensor], seed: int) -> Probe:
    """Sources drawn from each model's counts, in equal numbers, with the model's own greedy translations."""
    batches = []
    for k, (model, count) in enumerate(zip(models, counts, strict=True)):
        longest = model[0].max_length
        drawn = draw_texts(count, TEXTS // len(models), (2, min(longest, 24)), seed + k)
        source = Encoded([row[row != 0].tolist() for row in drawn], 0)
        said = Translator.of([model]).translate(source, DecodingSpec(beam=1))
        pairs = Pairs(source, Encoded([[FIRST, *ids, LAST][: longest + 1] for ids in said], 0))
        for start in range(0, len(pairs), BATCH):
            batches.append(pairs.batch(np.arange(start, min(start + BATCH, len(pairs))), "cpu")[:2])
    return Probe(tuple(batches))


def fuse_on_own_words(models: Sequence[Model], weights: Sequence[int], counts: Sequence[Tensor]) -> FusionResult:
    """Fuse by ``merged`` on the parents' own translations."""
    return fuse(
        [(state, config) for config, state in models],
        weights=weights,
        token_counts=counts,
        probe=self_translated(models, counts, 0),
        config=FusionConfig(method="merged"),
    )


@torch.no_grad()
def refitted(result: FusionResult, models: Sequence[Model], counts: Sequence[Tensor]) -> State:
    """Move the output layer towards the ensemble's log-probabilities on own translations drawn anew."""
    probe = self_translated(models, counts, 50)
    modules = [load_model(config, state) for config, state in models]
    targets = []
    for source, read in probe.batches:
        each = torch.stack([module(source, read).double().log_softmax(-1) for module in modules])
        targets.append(real_rows(torch.logsumexp(each, 0), (source, read)))
    wanted = torch.cat(targets)
    inputs = activations(load_model(result.config, result.state), probe, ["output"])["output"]
    state = {name: tensor.double() for name, tensor in result.state.items()}
    state = refit_linear(state, "output", inputs, wanted - wanted.mean(1, keepdim=True), RIDGE)
    return {name: tensor.float() for name, tensor in state.items()}
