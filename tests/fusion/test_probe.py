"""Probes: texts packed by length, and random sums of outputs that stand for all of them."""

import pytest
import torch

from fedot.fusion.texts.draw import draw_texts
from fedot.fusion.texts.probe import Probe, centred_signs, sensitivities
from fedot.models import build_model, model_config, state_of


def texts(number=50, high=20, vocabulary=30):
    return draw_texts(torch.ones(vocabulary), number, (1, high), 0)


def test_packed_texts_are_the_same_texts_in_shorter_batches():
    ids = texts()
    packed = Probe(((ids[:33],), (ids[33:],))).packed(8)
    assert [len(batch) for (batch,) in packed.batches] == [8] * 6 + [2]
    for (batch,) in packed.batches:
        assert bool((batch != 0).sum(1).max() == batch.shape[1])  # cut to the longest
    found = sorted(row[row != 0].tolist() for (batch,) in packed.batches for row in batch)
    assert found == sorted(row[row != 0].tolist() for row in ids)
    lengths = [int((row != 0).sum()) for (batch,) in packed.batches for row in batch]
    assert lengths == sorted(lengths)
    assert sum(batch.numel() for (batch,) in packed.batches) < 0.7 * ids.numel()


def test_a_model_says_the_same_of_packed_texts():
    config = model_config({"name": "encoder", "d_model": 8, "n_layer": 1, "n_head": 2, "max_length": 20}, 30, 2)
    probe = Probe(((texts(),),))
    packed = probe.packed(16)
    module = probe.module(config, state_of(build_model(config, 0)))
    with torch.no_grad():
        whole = module(probe.batches[0][0])
        parts = torch.cat([module(batch) for (batch,) in packed.batches])
    order = (probe.batches[0][0] != 0).sum(1).argsort(stable=True)
    torch.testing.assert_close(parts, whole[order])


@pytest.mark.parametrize(
    "batch",
    [(torch.ones(4, 3, dtype=torch.int64), torch.ones(4, 2, dtype=torch.int64)), (torch.ones(4, 3),)],
    ids=["two inputs", "numbers"],
)
def test_what_is_no_batch_of_texts_stays_as_it_is(batch):
    probe = Probe((batch,))
    assert probe.packed(2) is probe


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_random_sums_of_outputs_have_the_second_moment_of_the_centred_outputs(classes):
    rows = centred_signs((20_000, classes), torch.Generator().manual_seed(0))
    torch.testing.assert_close(rows.sum(1), torch.zeros(len(rows)), atol=1e-5, rtol=0)
    expected = torch.eye(classes) - 1 / classes
    torch.testing.assert_close(rows.T @ rows / len(rows), expected, atol=0.02, rtol=0)
    assert bool((rows.square().sum(1) > 0.1).all())  # none says nothing


def test_of_two_classes_one_draw_gives_the_second_moment_exactly():
    config = model_config({"name": "encoder", "d_model": 8, "n_layer": 1, "n_head": 2, "max_length": 20}, 30, 2)
    probe = Probe(((texts(),),))
    module = probe.module(config, state_of(build_model(config, 0)))
    drawn = [next(sensitivities(module, probe, ["layers.0.ffn_norm"], seed=seed))[1] for seed in (0, 1)]
    one, other = (slopes["layers.0.ffn_norm"] for slopes in drawn)
    assert not torch.equal(one, other)
    torch.testing.assert_close(one.T @ one, other.T @ other)
