"""The speed benchmark measures what it says."""

import torch

from benchmarks.align_speed import counts, measure, pair, seconds, training_seconds
from fedot.fusion.texts.draw import token_counts_by_class

TINY = {"d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 12, "max_length": 6}


def test_methods_are_measured_on_one_pair():
    problem, preparing = pair(TINY, 50)
    found = measure(problem, ["aligned", "vanilla"], 1)
    assert preparing > 0
    assert set(found) == {"aligned", "vanilla"}
    assert all(taken > 0 for taken in found.values())


def test_every_repeat_begins_from_nothing(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "fedot.fusion.problem.text_source.token_counts_by_class",
        lambda *given: asked.append(given) or token_counts_by_class(*given),
    )
    measure(pair(TINY, 50)[0], ["merged"], 3)
    assert len(asked) == 3 * 2


def test_counts_are_drawn_from_a_seed():
    assert torch.equal(counts(50, 1), counts(50, 1))
    assert not torch.equal(counts(50, 1), counts(50, 2))
    assert counts(50, 0)[0] == 0


def test_the_median_is_taken():
    calls = []
    assert seconds(lambda: calls.append(1), 5) >= 0
    assert len(calls) == 5


def test_training_is_timed():
    assert training_seconds(TINY, 50, 64) > 0
