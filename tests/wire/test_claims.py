"""What a reply claims is held against what its client said at the start, and that against the scenario."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from flwr.app import ConfigRecord, Error, Message

from fedot.errors import FedotError
from fedot.federation.experiment.gather import gather, striking
from fedot.models import Seq2SeqConfig, build_model, state_of
from fedot.scenario import PrivacySpec, Scenario, TokenizerSpec
from fedot.strategies import Quorum, build_strategy
from fedot.tasks.classification import CLASSIFICATION
from fedot.wire.known import LARGEST_WEIGHT, MOST_EXAMPLES, Known, noise_of
from fedot.wire.messages import ClientDescription, ClientUpdate, Settings, pack_description, pack_update
from fedot.wire.records import pack_state
from fedot.wire.updates import Asked, checked_update
from tests.strategies.fake_clients import CONFIG, FakeGrid, Reply, answer, make_update, own_tokenizer

SETTINGS = {"d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 16, "max_length": 6}
KNOWN = Known(10, 2, 5, 2, CLASSIFICATION, SETTINGS, TokenizerSpec(vocab_size=32), vocab_size=12)
ASKED = Asked("client-0", 0, KNOWN, server_round=1)


def other(**changes: Any) -> ClientUpdate:
    """A whole model of another configuration."""
    return make_update(config=replace(CONFIG, **changes))


@pytest.mark.parametrize(
    ("update", "told"),
    [
        (make_update(num_examples=11), "trained on 11 examples, and it described 10"),
        (make_update(num_examples=10**18), "and it described 10"),
        (make_update(client="client-1"), "it says that it is 'client-1'"),
        (replace(make_update(), partition_id=3), "its partition is 3, not 0"),
        (make_update(server_round=2), "it answers round 2, not 1"),
        (make_update(train_loss=math.nan), "its training loss is nan"),
        (make_update(train_losses=(0.5, math.inf), validation_losses=(0.5, 0.5)), "its loss of an epoch is inf"),
        (make_update(train_losses=(0.5,)), "1 training and 0 validation losses"),
        (make_update(train_losses=(0.5,) * 1001, validation_losses=(0.5,) * 1001), "and 1000 at most"),
        (make_update(validation_loss=-1.0), "its validation loss is -1"),
        (make_update(seconds=1e300), "its seconds is 1e\\+300"),
        (make_update(truncated=21), "its number of cut texts is 21"),
        (make_update(token_counts=torch.full((12,), 2**62)), "tokens in 10 examples"),
        (make_update(class_counts=torch.tensor([2**63 - 1, 2**63 - 1])), "examples of 2 classes, not 10 of 2"),
        (make_update(tokenizer=own_tokenizer()), "a tokenizer of its own, but all share one"),
        (other(n_class=3), "n_class is 3, not 2"),
        (other(norm_position="post"), "norm_position is post, not pre"),
        (other(positions="rotary"), "positions is rotary, not learned"),
        (other(positions="sinusoidal", max_length=2**20), "max_length is 1048576, not 6"),
        (other(vocab_size=13), "vocab_size is 13, not 12"),
        (other(n_layer=2), "n_layer is 2, not 1"),
    ],
)
def test_a_claim_that_does_not_hold_is_one_line(update: ClientUpdate, told: str) -> None:
    with pytest.raises(FedotError, match=told) as caught:
        checked_update(update, ASKED)
    assert str(caught.value).isprintable()


def test_what_passes_has_the_configuration_that_was_asked_for() -> None:
    update = checked_update(make_update(config=replace(CONFIG, dropout=0.7)), ASKED)
    assert update.config == replace(CONFIG, dropout=0.1)
    aligned = Asked("client-0", 0, KNOWN, shape=replace(CONFIG, d_ff=20))
    with pytest.raises(FedotError, match="d_ff is 16, not 20"):
        checked_update(make_update(), aligned)


def test_a_translators_architecture_is_held_too() -> None:
    config = Seq2SeqConfig(vocab_size=12, d_model=8, n_layer=1, n_head=2, d_head=4, d_ff=16, max_length=6)
    update = make_update(config=config, state=state_of(build_model(config, 0)))  # type: ignore[arg-type]
    with pytest.raises(FedotError, match="does not have the shape of the model that it was asked for"):
        checked_update(update, ASKED)


def test_a_vocabulary_of_its_own_has_the_size_that_the_scenario_says() -> None:
    own = replace(ASKED, known=replace(KNOWN, vocab_size=0))
    assert checked_update(make_update(tokenizer=own_tokenizer()), own).tokenizer == own_tokenizer()
    with pytest.raises(FedotError, match="it sends no tokenizer"):
        checked_update(make_update(), own)
    large = other(vocab_size=600)
    with pytest.raises(FedotError, match="its vocabulary has 600 tokens, and at most 512 can be"):
        checked_update(replace(large, tokenizer=own_tokenizer(600), token_counts=torch.ones(600)), own)


def test_a_private_clients_noise_is_let_in() -> None:
    assert noise_of(None) == 0
    spec = PrivacySpec(clip=10, epsilon=0.1)
    assert noise_of(spec) == pytest.approx(2 * 10 * math.sqrt(2 * math.log(1.25e5)) / 0.1)
    noisy = make_update()
    noisy.state["tok_emb.weight"][0, 0] = LARGEST_WEIGHT + 5 * noise_of(spec)
    with pytest.raises(FedotError, match=r"no number beyond 10000"):
        checked_update(noisy, ASKED)
    let = replace(KNOWN, largest_weight=LARGEST_WEIGHT + 10 * noise_of(spec))
    checked_update(noisy, replace(ASKED, known=let))


def test_sums_are_as_large_as_their_weights() -> None:
    update = make_update(state={name: tensor * 10 * 5000 for name, tensor in make_update().state.items()})
    with pytest.raises(FedotError, match="no number beyond"):
        checked_update(update, ASKED)
    checked_update(update, replace(ASKED, summed=True))


@pytest.mark.parametrize("name", ["fedavg", "fedmedian", "krum", "fedavg-token-rows", "ot-fusion"])
@pytest.mark.parametrize("value", [math.nan, 100.0])
def test_of_two_answers_only_the_first_counts(name: str, value: float) -> None:
    class Twice(FakeGrid):
        def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> list[Message]:
            replies = list(super().send_and_receive(messages, timeout=timeout))
            state = {key: torch.full_like(tensor, value) for key, tensor in make_update(1).state.items()}
            second = pack_update(replace(make_update(1), state=state))
            return [*replies, *(Message(second, reply_to=m) for m in self.sent if m.metadata.dst_node_id == 1)]

    def result(grid: type[FakeGrid]) -> dict[str, Any]:
        nodes = {k: answer(make_update(k)) for k in range(3)}
        options = {"num_malicious_nodes": 0} if name == "krum" else {}
        strategy = build_strategy(name, options, Quorum({k: f"client-{k}" for k in nodes}))
        arrays = strategy.start(grid(nodes), pack_state({}), 1, train_config=ConfigRecord()).arrays
        assert strategy.dropped == []
        return {key: array.data for key, array in arrays.items()}

    assert result(Twice) == result(FakeGrid)


def test_an_aggregate_that_is_not_finite_is_the_strategys_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from flwr.serverapp.strategy import FedAvg

    def broken(*_: Any) -> Any:
        return pack_state({"tok_emb.weight": torch.full((12, 8), math.inf)}), None

    monkeypatch.setattr(FedAvg, "aggregate_train", broken)
    nodes = {k: answer(make_update(k)) for k in range(3)}
    with pytest.raises(FedotError, match=r"the aggregated tensor tok_emb.weight holds NaN or infinite"):
        build_strategy("fedavg", {}).start(FakeGrid(nodes), pack_state({}), 1, train_config=ConfigRecord())


CLIENT = ClientDescription("", 0, 9, 1, 3, ("no", "yes"), "stand-in", (), b"")
NAMES = ("xed-en", "xed-fi", "third")


def says(partition: int, **changes: Any) -> Reply:
    about = replace(CLIENT, client=NAMES[partition], partition_id=partition)
    return lambda message: Message(pack_description(replace(about, **changes)), reply_to=message)


def refuses(message: Message) -> Message:
    return Message(Error(200, "no such\x1b[2J folder"), reply_to=message)


@pytest.fixture
def three(tiny: Any) -> Callable[..., Any]:
    clients = [{"dataset": "xed", "lang": "en"}, {"dataset": "xed", "lang": "fi"}, {"dataset": "imdb", "name": "third"}]
    clients = [{**client, "test_examples": 30} for client in clients]
    scenario: Scenario = tiny(clients=clients, tokenizer={"vocab_size": 100, "scope": "per-client"})
    settings = Settings(scenario=scenario.model_dump_json(), seed=0)
    return lambda nodes, **about: gather(FakeGrid(nodes), scenario, settings, 0.05, **about)


@pytest.mark.parametrize(
    ("third", "told"),
    [
        (says(2, num_examples=10**18), "1 to 10000000 can be"),
        (says(2, num_examples=0), "it has 0 training and 1 validation rows"),
        (says(2, num_test=31), "it says that it has 31 test rows, and 1 to 30 can be"),
        (says(2, num_validation=-1), "training and"),
        (says(2, labels=("a", "a")), "two have one name"),
        (says(2, source="\x1b[31mred"), "which is not directory, hub, stand-in, files"),
        (says(2, client="xed-fi"), "which is third, but says that it is 'xed-fi'"),
        (says(2, partition_id=-1), "these answered: [-1, 0, 1]"),
    ],
)
@pytest.mark.parametrize("pooled", [True, False])
def test_a_description_that_cannot_be_costs_its_client_only(
    three: Callable[..., Any], third: Reply, told: str, pooled: bool
) -> None:
    found = three({5: says(0), 6: says(1), 7: third}, pooled=pooled)
    assert list(found.names.values()) == ["xed-en", "xed-fi"]
    assert set(found.known) == {5, 6}
    assert list(found.absent) == ["third"]
    assert told in found.absent["third"]
    assert found.absent["third"].isprintable()


def test_who_takes_anothers_place_under_its_own_name_costs_itself_only(three: Callable[..., Any]) -> None:
    found = three({5: says(0), 6: says(1), 7: says(2, partition_id=0)})
    assert list(found.names.values()) == ["xed-en", "xed-fi"]
    found = three({4: says(2, partition_id=0), 5: says(0), 6: says(1)})
    assert list(found.names.values()) == ["xed-en", "xed-fi"]


def test_two_that_say_they_are_the_same_are_both_left_out(three: Callable[..., Any]) -> None:
    with pytest.raises(FedotError, match=r"only 1 of 3 clients can take part, and 2 are needed \(nodes 6 and 7 both"):
        three({5: says(0), 6: says(1), 7: says(1)})


@pytest.mark.parametrize("third", [refuses, says(2, labels=("a", "b"))])
def test_in_a_federation_a_client_that_fails_costs_itself_and_in_a_simulation_it_is_a_mistake(
    three: Callable[..., Any], third: Reply
) -> None:
    nodes = {5: says(0), 6: says(1), 7: third}
    found = three(nodes, pooled=False)
    assert list(found.absent) == ["third"]
    assert found.absent["third"].isprintable()
    with pytest.raises(FedotError, match=r"no such|different classes"):
        three(nodes)


def test_notices_and_classes_are_made_fit_to_be_shown(three: Callable[..., Any]) -> None:
    odd = {"notices": ("x" * 10**6, "\x1b[2J\nforged"), "labels": ("no\u202e", "yes")}
    found = three({5: says(0, **odd), 6: says(1, **odd), 7: says(2, **odd)})
    client = found.clients[7]
    assert client.labels == ("no\ufffd", "yes")
    assert len(client.notices[0]) == 500
    assert client.notices[1] == "\ufffd[2J forged"


def test_who_claims_nearly_all_examples_is_told_of() -> None:
    clients = {k: replace(CLIENT, client=name, num_examples=100) for k, name in enumerate(NAMES)}
    assert striking(clients) == []
    clients[1] = replace(clients[1], num_examples=MOST_EXAMPLES)
    [line] = striking(clients)
    assert line.startswith("xed-fi says that it has 10000000 examples, all others together 200")
