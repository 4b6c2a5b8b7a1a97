import pytest
import torch

from fedot.fusion import FusionConfig, fuse
from fedot.fusion.problem.ensemble import gated_ensemble
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.refine.distil import Distillation, distil
from fedot.fusion.texts.draw_sources import LONGEST_SOURCE, source_counts, translated_probe, unsaid
from fedot.fusion.texts.probe import Probe
from fedot.models import build_model, canonical_config, load_model, model_config, state_of
from fedot.tokenizer import Encoded
from fedot.translation.special_tokens import FIRST, LAST
from fedot.translation.translator import Translator

ROWS = 30


SHAPE = {"name": "seq2seq", "d_model": 16, "n_layer": 1, "n_head": 2, "d_ff": 24, "max_length": 9, "tied": False}


def translator(seed):
    """Untrained, but with weights so large that it says different things to different sources."""
    config = model_config(SHAPE, ROWS, 0)
    state = state_of(build_model(config, seed))
    generator = torch.Generator().manual_seed(seed)
    large = {name: torch.randn(tensor.shape, generator=generator) for name, tensor in state.items() if tensor.ndim > 1}
    return {**state, **large}, config


def counts():
    seen = torch.randint(1, 50, (2, ROWS), generator=torch.Generator().manual_seed(0))
    seen[:, :4] = 0
    return list(seen)


def test_targets_are_what_the_model_says_to_the_sources():
    state, config = translator(0)
    sources = torch.tensor([[5, 6, 7, 0], [8, 9, 0, 0], [10, 11, 12, 13]])
    probe = translated_probe(config, state, sources)
    ((given, read),) = probe.batches
    assert torch.equal(given, sources)
    said = Translator.of([(config, state)]).translate(Encoded([[5, 6, 7], [8, 9], [10, 11, 12, 13]], 0), beam=1)
    for row, ids in zip(read.tolist(), said, strict=True):
        assert [i for i in row if i] == [FIRST, *ids, LAST][: config.max_length + 1][:-1]
    assert len({tuple(ids) for ids in said}) > 1


def test_a_drawn_probe_of_translators_has_each_parents_own_words():
    models = [translator(0), translator(1)]
    problem = prepare(models, token_counts=counts())
    batches = TextSource(problem).probe(20).batches
    assert len(batches) == 2
    for k, (given, read) in enumerate(batches):
        assert given.shape[0] == 10
        assert given.shape[1] <= LONGEST_SOURCE
        ((again, words),) = translated_probe(problem.config_of(k), problem.states[k], given).batches
        assert torch.equal(again, given)
        assert torch.equal(words, read)


def test_distillation_brings_a_fused_translator_closer_to_the_ensemble():
    models = [translator(0), translator(1)]
    problem = prepare(models, token_counts=counts())
    config, before = canonical_config(models[0][1]), problem.states[0]
    teacher, fresh = gated_ensemble(problem), TextSource(problem).probe(32, seed=99).batches

    def distance(state):
        model = load_model(config, {name: tensor.float() for name, tensor in state.items()})
        total = 0.0
        with torch.no_grad():
            for batch in fresh:
                real = batch[1] != 0
                given, wanted = (f(*batch)[real].log_softmax(-1) for f in (model, teacher))
                total += torch.nn.functional.kl_div(given, wanted, log_target=True, reduction="batchmean").item()
        return total

    options = Distillation(steps=20, pool=64, lr=1e-2)
    after = distil(before, config, TextSource(problem), options)
    assert distance(after) < 0.8 * distance(before)
    again = distil(before, config, TextSource(problem), options)
    assert all(torch.equal(after[name], again[name]) for name in after)


@pytest.mark.parametrize("method", ["merged", "regmean"])
def test_methods_that_look_at_activations_take_translators(method):
    result = fuse(
        [translator(0), translator(1)], token_counts=counts(), config=FusionConfig(method=method, distil_steps=2)
    )
    assert all(bool(tensor.isfinite().all()) for tensor in result.state.values())


def test_sources_and_what_is_read_are_never_of_one_width():
    source, read = torch.ones(3, 5, dtype=torch.int64), torch.full((3, 5), 2)
    probe = Probe(((source, read), (source, read[:, :3])))
    assert [[part.shape[1] for part in batch] for batch in probe.told_apart().batches] == [[5, 4], [5, 3]]
    # a probe on which both had the width of the longest translation would mix up the two masks
    state, config = translator(0)
    sources = torch.randint(4, ROWS, (40, config.max_length), generator=torch.Generator().manual_seed(1))
    assert all(given.shape != read.shape for given, read in translated_probe(config, state, sources).batches)


def test_what_is_said_is_taken_off_the_counts():
    source, target = torch.zeros(ROWS).double(), torch.zeros(ROWS).double()
    source[4:16] = torch.arange(12) * 3.0 + 5
    target[14:] = torch.arange(16) * 2.0 + 7  # two tokens are of both languages
    torch.testing.assert_close(unsaid(source + target, target / target.sum()), source)


def test_counts_that_are_all_said_stay():
    seen = torch.ones(ROWS).double()
    assert torch.equal(unsaid(seen, seen / ROWS), seen)


def test_sources_have_tokens_that_were_counted_and_no_special_ones():
    state, config = translator(0)
    seen = counts()[0]
    seen[2], seen[7] = 90, 0
    found = source_counts(config, state, seen)
    assert not bool(found[:4].any())
    assert float(found[7]) == 0.0
    assert bool((found <= seen).all())
    assert 0 < float(found.sum()) < float(seen[4:].sum())
    assert torch.equal(found, source_counts(config, state, seen))
