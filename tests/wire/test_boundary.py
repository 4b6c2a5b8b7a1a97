"""The boundary by itself: real replies with something changed, thousands of times."""

import copy
import math
import time
from random import Random
from typing import Any

import pytest
import torch
from flwr.app import Message, RecordDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.hostile import spoil
from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.federation.engines.inprocess import InProcessGrid
from fedot.scenario import Scenario, parse_scenario
from fedot.wire.boundary import read_description, read_held, read_tallies, read_update
from fedot.wire.known import Known
from fedot.wire.messages import ClientUpdate, HeldUpdate
from fedot.wire.updates import Asked, check_tensor
from tests.federation.conftest import TINY
from tests.federation.test_run import run

SECONDS = 5.0


class Kept(InProcessGrid):
    """A grid that keeps what clients say."""

    said: dict[str, list[Message]]

    def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> Any:
        for reply in super().send_and_receive(messages, timeout=timeout):
            type(self).said.setdefault(reply.metadata.message_type, []).append(copy.deepcopy(reply))
            yield reply


class Replies(dict[str, Any]):
    """Replies by kind and scope, too long to be shown."""

    def __repr__(self) -> str:
        return "replies"


@pytest.fixture(scope="module")
def said() -> Replies:
    """Replies of the second client: to describe, to train with a vocabulary of its own, and to evaluate."""
    found = Replies()
    for scope in ("shared", "per-client"):
        Kept.said = {}
        tokenizer = {"vocab_size": 150, "scope": scope}
        scenario = parse_scenario({**TINY, "tokenizer": tokenizer, "strategies": ["ot-fusion"], "references": []})
        run(scenario, grid=Kept)
        for kind, replies in Kept.said.items():
            found[f"{kind} {scope}"] = replies[1].content
        found[f"scenario {scope}"] = scenario
    return found


def known(scenario: Scenario, content: RecordDict) -> Known:
    description, _ = read_description(content, scenario)
    return Known.of(scenario, description, 150)


QUIET = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
REQUEST = EvaluationRequest((), (), (), (EvaluationItem("weights", ((0, 1.0),)),))


def attempt(content: RecordDict, random: Random, read: Any) -> Any:
    """Read a spoilt reply; nothing but a `FedotError` of one line, and soon."""
    spoilt = copy.deepcopy(content)
    told = [spoil(spoilt, random) for _ in range(random.choice([1, 1, 2, 4]))]
    began, refusal = time.perf_counter(), ""
    try:
        result = read(spoilt)
    except FedotError as error:
        result, refusal = None, str(error)
    assert time.perf_counter() - began < SECONDS, [*told, refusal]
    assert "\n" not in refusal
    return None if result is None else (result, told)


@QUIET
@given(seed=st.integers(0, 2**40), scope=st.sampled_from(["shared", "per-client"]))
def test_an_update_that_passes_is_finite_bounded_and_of_the_shape(said: Any, seed: int, scope: str) -> None:
    scenario = said[f"scenario {scope}"]
    about = known(scenario, said[f"query.describe {scope}"])
    asked = Asked("xed-fi", 1, about, server_round=1)
    passed = attempt(said[f"train {scope}"], Random(seed), lambda content: read_update(content, asked))
    if passed is None:
        return
    update, told = passed
    assert isinstance(update, ClientUpdate)
    assert update.num_examples <= about.num_examples, told
    assert update.config == about.config(update.config.vocab_size), told
    assert 0 <= update.validation_loss < math.inf, told
    assert int(update.token_counts.sum()) <= 2 * 14 * about.num_examples, told
    for name, tensor in update.state.items():
        check_tensor(name, tensor, about.largest_weight)


@QUIET
@given(seed=st.integers(0, 2**40), scope=st.sampled_from(["shared", "per-client"]))
def test_a_description_that_passes_is_within_the_scenario(said: Any, seed: int, scope: str) -> None:
    scenario = said[f"scenario {scope}"]
    content = said[f"query.describe {scope}"]
    passed = attempt(content, Random(seed), lambda content: read_description(content, scenario))
    if passed is None:
        return
    (client, words), told = passed
    if client.partition_id == 1:
        assert 2 <= client.num_examples + client.num_validation <= 80, told
        assert 1 <= client.num_test <= 30, told
    assert all(text.isprintable() for text in (*client.labels, *client.notices, client.source)), told
    assert sum(map(len, client.notices)) <= 20 * 500, told
    assert all(type(count) is int and count > 0 for count in words.values()), told


@QUIET
@given(seed=st.integers(0, 2**40))
def test_tallies_that_pass_give_figures_in_their_ranges(said: Any, seed: int) -> None:
    about = known(said["scenario shared"], said["query.describe shared"])
    content = said["evaluate shared"]
    passed = attempt(content, Random(seed), lambda content: read_tallies(content, REQUEST, about))
    if passed is None:
        return
    ((tally,), told) = passed
    assert tally.count == about.num_test, told
    for name, value in tally.metrics().items():
        assert 0 <= value <= {"nll": 28, "brier": 2}.get(name, 1.0), (name, value, told)


@QUIET
@given(seed=st.integers(0, 2**40))
def test_a_held_update_that_passes_is_within_what_was_described(said: Any, seed: int) -> None:
    about = known(said["scenario shared"], said["query.describe shared"])
    asked = Asked("xed-fi", 1, about)
    passed = attempt(said["train shared"], Random(seed), lambda content: read_held(content, asked))
    if passed is None:
        return
    held, told = passed
    assert isinstance(held, HeldUpdate)
    assert 0 < held.num_examples <= about.num_examples, told
    assert 0 <= held.validation_loss < math.inf, told


def test_honest_replies_pass_as_they_are(said: Any) -> None:
    for scope in ("shared", "per-client"):
        scenario = said[f"scenario {scope}"]
        about = known(scenario, said[f"query.describe {scope}"])
        update = read_update(said[f"train {scope}"], Asked("xed-fi", 1, about, server_round=1))
        assert bool(update.tokenizer) == (scope == "per-client")
        [tally] = read_tallies(said[f"evaluate {scope}"], REQUEST, about)
        assert tally.count == 30


@pytest.mark.parametrize(
    ("tensor", "told"),
    [
        (torch.ones(3, dtype=torch.int64), "not a float"),
        (torch.tensor([1.0, math.nan]), "NaN or infinite"),
        (torch.tensor([-math.inf]), "NaN or infinite"),
        (torch.tensor([1.0, -10_001.0]), "holds 1e\\+04, and no number beyond 10000"),
    ],
)
def test_a_tensor_is_finite_and_bounded(tensor: torch.Tensor, told: str) -> None:
    with pytest.raises(FedotError, match=f"^it.*{told}"):
        check_tensor("it", tensor, 1e4)
    check_tensor("it", torch.tensor([]), 1e4)
    check_tensor("it", torch.tensor([1e4, -1e4]), 1e4)
