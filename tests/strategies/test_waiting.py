"""Replies that wait in a file give the same mean to the bit, and hold no memory."""

import pytest
import torch
from flwr.app import ConfigRecord

from fedot.models import State
from fedot.strategies import build_strategy, guard
from fedot.strategies.waiting import StoredArray, Waiting
from fedot.wire.messages import ARRAYS, METRICS
from fedot.wire.records import pack_state, unpack_state
from tests.strategies.fake_clients import FakeGrid, answer, make_update


def mean(name: str, most: int, monkeypatch: pytest.MonkeyPatch, seen: list[Waiting]) -> State:
    def waiting() -> Waiting:
        seen.append(Waiting(most))
        return seen[-1]

    monkeypatch.setattr(guard, "Waiting", waiting)
    grid = FakeGrid({k: answer(make_update(k, num_examples=10 + k)) for k in range(5)})
    return unpack_state(build_strategy(name, {}).start(grid, pack_state({}), 1, train_config=ConfigRecord()).arrays)


@pytest.mark.parametrize("name", ["fedavg", "fedmedian", "fedtrimmedavg"])
def test_a_strategy_gives_the_same_wherever_replies_wait(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(len(array.data) for array in pack_state(make_update(0).state).values())
    seen: list[Waiting] = []
    kept, stored = (mean(name, most, monkeypatch, seen) for most in (10 * size, 2 * size))
    assert all(torch.equal(kept[key], stored[key]) for key in kept)
    if name != "fedavg":  # others read all and put it elsewhere
        return
    in_files = [
        sum(isinstance(array, StoredArray) for array in message.content.array_records[ARRAYS].values()) > 0
        for message in seen[1].messages.values()
    ]
    assert in_files == [False, False, True, True, True]
    assert all(set(message.content) == {ARRAYS, METRICS} for message in seen[1].messages.values())


def test_what_waits_in_a_file_holds_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Waiting] = []
    mean("fedavg", 0, monkeypatch, seen)
    for message in seen[0].messages.values():
        for array in message.content.array_records[ARRAYS].values():
            assert not any(isinstance(value, bytes) for value in vars(array).values())
