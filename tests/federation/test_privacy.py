"""What leaves a client under local differential privacy: a clipped step, noise of the stated size, no counts."""

import math
from typing import Any

import pytest
import torch
from flwr.app import Message, RecordDict
from tokenizers import Tokenizer

from fedot.errors import FedotError
from fedot.models import build_model, model_config, state_of
from fedot.scenario import Scenario, parse_scenario
from fedot.wire.messages import ARRAYS, CONFIG, ClientUpdate, Settings, unpack_update
from fedot.wire.records import pack_state
from tests.federation.test_client import Clients
from tests.federation.test_run import run

State = dict[str, torch.Tensor]


def trained(scenario: Scenario, node: int = 1000) -> tuple[State, State, torch.Tensor]:
    """The start, what a client sends back, and the token counts that come with it."""
    start, update = answered(scenario, node)
    return start, update.state, update.token_counts


def answered(scenario: Scenario, node: int = 1000) -> tuple[State, ClientUpdate]:
    """The start, and what a client sends back."""
    clients = Clients(scenario, init="shared")
    size = Tokenizer.from_str(clients.settings.tokenizer).get_vocab_size()
    start = state_of(build_model(model_config(scenario.model, size, 2), 0))
    values = {name: getattr(clients.settings, name) for name in Settings.__slots__}
    content = RecordDict({ARRAYS: pack_state(start), CONFIG: Settings(**values).to_record()})
    reply: Message = clients.ask(content, "train", node)
    return start, unpack_update(reply.content)


def steps(start: State, end: State) -> torch.Tensor:
    return torch.cat([(end[name] - start[name]).flatten() for name in start])


def private(tiny: Any, **privacy: Any) -> Scenario:
    return parse_scenario({**tiny(init="shared").model_dump(), "privacy": privacy})


def test_without_noise_to_speak_of_the_step_is_the_true_one_shortened(tiny: Any) -> None:
    start, end, counts = trained(tiny(init="shared"))
    true = steps(start, end)
    begun, clipped, withheld = trained(private(tiny, clip=0.01, epsilon=1e12))
    found = steps(begun, clipped)
    assert true.norm() > 0.01
    torch.testing.assert_close(found, true * (0.01 / true.norm()), rtol=1e-2, atol=1e-6)
    assert counts.unique().numel() > 1
    assert withheld.tolist() == [1] * len(counts)


def test_how_many_examples_are_of_which_class_stays_at_a_private_client(tiny: Any) -> None:
    _, open_update = answered(tiny(init="shared"))
    assert open_update.class_counts is not None
    assert int(open_update.class_counts.sum()) == open_update.num_examples
    assert answered(private(tiny, clip=0.01, epsilon=1e12))[1].class_counts is None


@pytest.mark.parametrize(("epsilon", "delta"), [(8.0, 1e-5), (1.0, 1e-3)])
def test_the_noise_has_the_size_that_the_mechanism_asks_for(tiny: Any, epsilon: float, delta: float) -> None:
    start, end, _ = trained(private(tiny, clip=0.1, epsilon=epsilon, delta=delta))
    wanted = 2 * 0.1 * math.sqrt(2 * math.log(1.25 / delta)) / epsilon
    assert steps(start, end).std().item() == pytest.approx(wanted, rel=0.1)


def test_noise_repeats_only_where_that_is_asked_for(tiny: Any) -> None:
    once, again = (trained(private(tiny, clip=1, epsilon=8, repeatable=True))[1] for _ in range(2))
    assert all(torch.equal(once[name], again[name]) for name in once)
    once, again = (trained(private(tiny, clip=1, epsilon=8))[1] for _ in range(2))
    assert not any(torch.equal(once[name], again[name]) for name in once if once[name].numel() > 1)
    here, there = (trained(private(tiny, clip=1, epsilon=8, repeatable=True), node)[1] for node in (1000, 1001))
    assert not any(torch.equal(here[name], there[name]) for name in here if here[name].numel() > 1)


def test_all_strategies_of_a_repeatable_run_have_the_same_parents(tiny: Any) -> None:
    scenario = private(tiny, clip=1, epsilon=1e4, repeatable=True)
    outcome = run(scenario)
    assert {"fedavg", "ot-fusion", "parent:xed-en"} <= outcome.strategies()
    assert outcome.record.failures == []
    other = run(scenario)
    for key, (state, _, _) in outcome.models.items():
        assert all(torch.equal(tensor, other.models[key][0][name]) for name, tensor in state.items())


def test_it_needs_a_common_start_and_alignment_on_the_server(tiny: Any) -> None:
    with pytest.raises(FedotError, match="init: shared"):
        parse_scenario({**tiny().model_dump(), "privacy": {"clip": 1, "epsilon": 8}})
    values = private(tiny, clip=1, epsilon=8).model_dump()
    values |= {"strategies": [{"name": "fedavg", "align": "client"}], "references": []}
    outcome = run(parse_scenario(values))
    assert outcome.record.rows == []
    assert any("align: client" in failure["reason"] for failure in outcome.record.failures)


@pytest.mark.parametrize("wrong", [{"clip": 0, "epsilon": 8}, {"clip": 1, "epsilon": 0}, {"clip": 1}])
def test_a_budget_that_makes_no_sense_is_refused(tiny: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(FedotError, match="privacy"):
        private(tiny, **wrong)
