"""Embedding rows go by how often each client has seen the token."""

import torch
from flwr.app import ConfigRecord

from fedot.strategies import build_strategy
from fedot.wire.records import pack_state, unpack_state
from tests.strategies.fake_clients import CONFIG, FakeGrid, answer, make_update


def test_rows_are_weighted_by_counts_and_the_rest_by_examples() -> None:
    counts = torch.zeros(2, CONFIG.vocab_size, dtype=torch.int64)
    counts[0, 3], counts[1, 4], counts[0, 5], counts[1, 5] = 8, 2, 3, 1
    updates = [make_update(k, num_examples=n, token_counts=counts[k]) for k, n in enumerate((30, 10))]
    grid = FakeGrid({k: answer(update) for k, update in enumerate(updates)})
    strategy = build_strategy("fedavg-token-rows", {})
    state = unpack_state(strategy.start(grid, pack_state({}), 1, train_config=ConfigRecord()).arrays)
    a, b = (update.state for update in updates)
    mean = {key: 0.75 * a[key] + 0.25 * b[key] for key in a}
    rows = state["tok_emb.weight"]
    assert torch.equal(rows[3], a["tok_emb.weight"][3])
    assert torch.equal(rows[4], b["tok_emb.weight"][4])
    torch.testing.assert_close(rows[5], mean["tok_emb.weight"][5])
    torch.testing.assert_close(rows[6], mean["tok_emb.weight"][6])  # nobody has seen it
    for key in set(state) - {"tok_emb.weight"}:
        torch.testing.assert_close(state[key], mean[key])
