"""A reduction that begins before all models are there."""

import random

import pytest
import torch

from fedot.fusion import FusionConfig, fuse
from fedot.fusion import ahead as ahead_module
from fedot.fusion.ahead import Ahead
from fedot.fusion.reduce import tree
from tests.fusion.small import counts, make

MERGED = FusionConfig(method="merged", probe_texts=32, at_once=2)
NUMBER = 7


@pytest.fixture
def steps(monkeypatch):
    """How many models met in each step of a tree, in the order of the steps."""
    seen, done = [], tree.joined

    def joined(problem, join):
        seen.append(len(problem.states))
        return done(problem, join)

    monkeypatch.setattr(tree, "joined", joined)
    monkeypatch.setattr(ahead_module, "joined", joined)
    return seen


def models():
    return [make(k) for k in range(NUMBER)]


def told(places=range(NUMBER)):
    seen = counts(0, NUMBER)
    return {"token_counts": [seen[k] for k in places], "weights": [1.0 + k for k in places]}


def taken(order, config=MERGED, given=None):
    ahead, seen = Ahead(NUMBER, config), counts(0, NUMBER)
    given = given or models()
    for place in order:
        ahead.add(place, *given[place], weight=1.0 + place, token_counts=seen[place])
    return ahead


def test_the_order_in_which_models_come_changes_no_bit(steps):
    found = []
    for seed in range(3):
        order = list(range(NUMBER))
        random.Random(seed).shuffle(order)
        ahead = taken(order)
        assert len(steps) == NUMBER - 2  # all but the last step
        assert sorted(ahead.joined) == [(0, 1, 2), (3, 4, 5, 6)]
        found.append(fuse(models(), **told(), config=MERGED, row=ahead.row(range(NUMBER))).state)
        assert len(steps) == NUMBER - 2  # nothing was left to do but that
        steps.clear()
    assert all(torch.equal(each[name], tensor) for each in found[1:] for name, tensor in found[0].items())
    plain = fuse(models(), **told(), config=MERGED).state
    for name, tensor in plain.items():  # weights were shares of all there, and rounded otherwise
        torch.testing.assert_close(found[0][name], tensor, rtol=1e-4, atol=1e-5)


def test_a_step_is_taken_as_soon_as_its_models_are_there(steps):
    ahead, seen, given = Ahead(NUMBER, MERGED), counts(0, NUMBER), models()
    after = []
    for place in (4, 3, 0, 1, 2, 6, 5):
        ahead.add(place, *given[place], weight=1.0, token_counts=seen[place])
        after.append(len(steps))
    assert after == [0, 1, 1, 1, 3, 3, 5]


def test_who_is_missing_leaves_a_gap_and_the_rest_is_as_it_was(steps):
    ahead = taken([0, 1, 2, 3, 4, 6])
    assert sorted(ahead.joined) == [(0, 1, 2), (3, 4)]
    before, there = len(steps), [0, 1, 2, 3, 4, 6]
    given = [models()[k] for k in there]
    first = fuse(given, **told(there), config=MERGED, row=ahead.row(there))
    assert len(steps) == before + 1  # 6 alone with what 3 and 4 became
    anew = fuse(given, **told(there), config=MERGED, row=tree.Row(NUMBER, tuple(there)))
    for name, tensor in anew.state.items():
        torch.testing.assert_close(first.state[name], tensor, rtol=1e-4, atol=1e-5)


def test_what_was_reduced_with_one_that_is_left_out_is_not_used(steps):
    ahead = taken(range(NUMBER))
    there = [0, 1, 2, 4, 5, 6]
    given = [models()[k] for k in there]
    steps.clear()
    found = fuse(given, **told(there), config=MERGED, row=ahead.row(there))
    assert steps == [2, 2]  # 5 and 6, and 4 with them; 0, 1 and 2 are as they were
    anew = fuse(given, **told(there), config=MERGED, row=tree.Row(NUMBER, tuple(there)))
    for name, tensor in anew.state.items():
        torch.testing.assert_close(found.state[name], tensor, rtol=1e-4, atol=1e-5)


def test_few_are_kept(steps):
    ahead = Ahead(64, MERGED)
    most = 0
    for place in range(64):
        ahead.add(place, *make(0), weight=1.0, token_counts=counts(0)[0])
        most = max(most, len(ahead.joined) + len(ahead._alone))
    assert len(steps) == 62
    assert most <= 7


@pytest.mark.parametrize(
    "config",
    [FusionConfig(method="aligned", probe_texts=32), FusionConfig(method="auto")],
    ids=["aligned", "auto, from one start"],
)
def test_models_that_are_not_to_be_reduced_wait(config, steps):
    ahead = Ahead(NUMBER, config, shared_start=True)
    for place, model in enumerate(models()):
        ahead.add(place, *model, weight=1.0, token_counts=counts(0)[0])
    assert steps == []
    assert ahead.joined == {}


def test_models_that_do_not_fit_are_left_to_whoever_fuses_all(steps):
    given = [make(0), make(1), make(2, max_length=9), *(make(k) for k in range(3, NUMBER))]
    ahead = taken(range(NUMBER), given=given)
    assert ahead.joined == {}
    found = fuse(given, **told(), config=MERGED, row=ahead.row(range(NUMBER)))
    assert found.plan.method == "merged"


def test_steps_of_another_plan_are_not_used(steps):
    ahead = taken(range(NUMBER))
    steps.clear()
    other = FusionConfig(method="merged", probe_texts=40, at_once=2)
    found = fuse(models(), **told(), config=other, row=ahead.row(range(NUMBER)))
    assert len(steps) == NUMBER - 2
    plain = fuse(models(), **told(), config=other)
    assert all(torch.equal(tensor, plain.state[name]) for name, tensor in found.state.items())
