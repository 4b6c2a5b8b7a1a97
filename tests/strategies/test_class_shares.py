"""FedAvg whose classifier gives the classes in the clients' shares."""

from dataclasses import replace

import torch
from flwr.app import ConfigRecord

from fedot.fusion.texts.draw import draw_texts, text_lengths
from fedot.models import State, load_model
from fedot.strategies import build_strategy
from fedot.wire.messages import ClientUpdate
from fedot.wire.records import pack_state, unpack_state
from tests.strategies.fake_clients import CONFIG, FakeGrid, answer, make_update

COUNTS = torch.arange(CONFIG.vocab_size) % 5 * 10


def run(name: str, updates: list[ClientUpdate]) -> State:
    """The global model after one round."""
    grid = FakeGrid({k: answer(update) for k, update in enumerate(updates)})
    return unpack_state(build_strategy(name, {}).start(grid, pack_state({}), 1, train_config=ConfigRecord()).arrays)


def clients(*class_counts: tuple[int, int] | None) -> list[ClientUpdate]:
    return [
        make_update(k, token_counts=COUNTS, num_examples=sum(each or (10,)))
        if each is None
        else make_update(k, token_counts=COUNTS, num_examples=sum(each), class_counts=torch.tensor(each))
        for k, each in enumerate(class_counts)
    ]


def test_drawn_texts_get_the_classes_in_the_clients_shares() -> None:
    state = run("fedavg-class-shares", clients((30, 10), (24, 16)))
    [length] = text_lengths([COUNTS], [40], [CONFIG.max_length])
    texts = draw_texts(COUNTS, 2000, length, seed=9)
    with torch.no_grad():
        mean = load_model(CONFIG, state)(texts).softmax(-1).mean(0)
    torch.testing.assert_close(mean, torch.tensor([54 / 80, 26 / 80]), atol=0.01, rtol=0)


def test_nothing_but_the_classifiers_bias_differs_from_token_rows() -> None:
    updates = clients((30, 10), (24, 16))
    plain, shared = run("fedavg-token-rows", updates), run("fedavg-class-shares", updates)
    odd = {name for name in plain if not torch.equal(plain[name], shared[name])}
    assert odd == {"classifier.bias"}


def test_one_client_that_keeps_its_counts_leaves_the_classifier_as_it_is() -> None:
    told = clients((30, 10), (24, 16))
    for updates in (
        clients((30, 10), None),
        [told[0], replace(told[1], token_counts=torch.zeros_like(COUNTS))],
    ):
        plain, shared = run("fedavg-token-rows", updates), run("fedavg-class-shares", updates)
        assert all(torch.equal(plain[name], shared[name]) for name in plain)
