"""Replies that wait in a file give the same mean to the bit, and hold no memory."""

from functools import partial

import pytest
import torch
from flwr.app import ConfigRecord

from fedot.models import State
from fedot.storage.stored_state import NamelessFile, StoredState
from fedot.strategies import OTFusion, build_strategy, guard, ot_fusion
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


@pytest.mark.parametrize("method", ["merged", "aligned"])
@pytest.mark.parametrize("apart", [True, False])
def test_a_fusion_gives_the_same_wherever_replies_wait_and_whoever_is_first(
    method: str, apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fourteen clients are many: none of their models is kept in memory."""
    updates = [make_update(k, num_examples=10 + k) for k in range(14)]
    found = []
    for most, order in ((2**30, range(14)), (0, range(14)), (0, reversed(range(14)))):
        monkeypatch.setattr(ot_fusion, "Waiting", partial(Waiting, most))
        grid = FakeGrid({k: answer(updates[k]) for k in order})
        strategy = build_strategy("ot-fusion", {"method": method})
        init = "independent" if apart else "shared"
        start = pack_state({} if apart else make_update(99).state)
        strategy.start(grid, start, 1, train_config=ConfigRecord({"init": init}))
        assert isinstance(strategy, OTFusion)
        assert strategy.latest is not None
        stored = [isinstance(update.state, StoredState) for update in strategy.latest.updates]
        assert stored == [most == 0] * 14
        assert [update.client for update in strategy.latest.updates] == [f"client-{k}" for k in range(14)]
        found.append(strategy.latest.result.state)
    assert all(torch.equal(each[name], tensor) for each in found[1:] for name, tensor in found[0].items())


def test_a_stored_model_reads_as_it_was_written() -> None:
    state = {
        "matrix": torch.arange(6.0).reshape(2, 3).T,
        "half": torch.tensor([1.5, -2.0], dtype=torch.float16),
        "empty": torch.zeros(0, 4),
        "number": torch.tensor(7),
    }
    stored = StoredState.of(state, NamelessFile())
    assert list(stored) == list(state)
    for name, tensor in state.items():
        assert stored[name].dtype == tensor.dtype
        assert stored[name].shape == tensor.shape
        assert torch.equal(stored[name], tensor)
    stored["matrix"][:] = 0.0  # a copy, like every other reading
    assert torch.equal(stored["matrix"], state["matrix"])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_stored_tensor_is_written_and_read_part_by_part(axis: int) -> None:
    whole = torch.arange(24.0).reshape(2, 3, 4)
    stored = StoredState(NamelessFile())
    stored.reserve("before", (5,), torch.float32)
    stored.reserve("cube", (2, 3, 4), torch.float32)
    stored.reserve("after", (5,), torch.float32)
    for start in reversed(range(whole.shape[axis])):
        stored.write("cube", whole.narrow(axis, start, 1).double(), axis, start)
    assert torch.equal(stored["cube"], whole)
    assert torch.equal(stored.rows("cube", axis, 1, 2), whole.narrow(axis, 1, 1))
    assert not stored["before"].any()
    assert not stored["after"].any()
