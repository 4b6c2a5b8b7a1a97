"""A run that is killed between rounds, and goes on from there with the same result to the bit."""

import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flwr.app import Array, ArrayRecord, Message, RecordDict
from safetensors import SafetensorError
from safetensors.torch import load_file

from fedot.errors import FedotError
from fedot.federation.engines.inprocess import InProcessGrid
from fedot.federation.experiment import serve
from fedot.federation.grids import checkpointed as checkpoint
from fedot.federation.grids.checkpointed import FOLDER, CheckpointedGrid
from fedot.report import load_results
from fedot.scenario import dump_scenario
from fedot.storage import tensor_file
from tests.strategies.fake_clients import FakeGrid, answer, crash, make_update

STRATEGIES = ["fedadam", {"name": "ot-fusion"}, {"name": "fedavgm", "align": "client", "as": "aligned"}]


SHARED_OUT = {"dataset": "imdb", "examples": 30, "test_examples": 10, "partition": {"kind": "iid", "count": 6}}
TAKING_TURNS = [
    {"name": name, "fraction-train": 0.5, "fraction-evaluate": 0.5} for name in ("fedavg", "fedadam", "ot-fusion")
]


class Killed(BaseException):
    """The process is gone: nothing may catch it."""


class Counting(InProcessGrid):
    """Counts trainings, and dies before the one after `left` exchanges of them."""

    trained = 0
    left: float = float("inf")

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        sent = list(messages)
        if sent[0].metadata.message_type == "train":
            if self.left == 0:
                raise Killed
            self.left -= 1
            self.trained += 1
        return super().send_and_receive(sent, timeout=timeout)


Call = Callable[..., Counting]


@pytest.fixture
def call(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    scenario = tiny(strategies=STRATEGIES, references=["parents"], rounds=2, transfer="float16")
    (tmp_path / "tiny.yaml").write_text(dump_scenario(scenario))

    turns = tiny(clients=SHARED_OUT, strategies=TAKING_TURNS, references=[], rounds=3, init="shared")
    (tmp_path / "turns.yaml").write_text(dump_scenario(turns))

    def invoke(out: str, left: float = float("inf"), name: str = "tiny", **changes: bool) -> Counting:
        settings = {"scenario": str(tmp_path / f"{name}.yaml"), "out-dir": str(tmp_path / out), "engine": "inprocess"}
        count = 2 if name == "tiny" else 6
        with Counting([{"partition-id": k, "num-partitions": count} for k in range(count)], {}) as grid:
            grid.left = left
            serve.serve(grid, {**settings, **changes})
        return grid

    return invoke


def numbers(folder: Path) -> dict[str, Any]:
    results = load_results(folder / "results.json")
    for entry in (*results["rows"], *results["training"]):
        del entry["seconds"]
    return {key: results[key] for key in ("rows", "training", "failures", "couplings", "diagnostics", "reliability")}


def test_a_run_killed_twice_goes_on_with_the_next_round(call: Call, tmp_path: Path) -> None:
    whole = call("whole")
    assert whole.trained == 9
    with pytest.raises(Killed):
        call("o", 4)  # within the second strategy
    assert len(list((tmp_path / "o" / FOLDER).iterdir())) > 4
    with pytest.raises(Killed):
        call("o", 3, resume=True)  # the anchor of the third strategy is known, but nobody is aligned to it
    assert call("o", resume=True).trained == 2
    assert numbers(tmp_path / "o") == numbers(tmp_path / "whole")
    assert not (tmp_path / "o" / FOLDER).exists()
    names = {path.name for path in (tmp_path / "whole" / "models").iterdir()}
    assert len(names) == 5
    for name in names:
        wanted, found = (load_file(tmp_path / out / "models" / name) for out in ("whole", "o"))
        assert wanted.keys() == found.keys()
        assert all(torch.equal(wanted[key], found[key]) for key in wanted)


def test_where_clients_take_turns_the_same_ones_are_asked_again(call: Call, tmp_path: Path) -> None:
    assert call("whole", name="turns").trained == 9
    with pytest.raises(Killed):
        call("o", 5, name="turns")
    assert call("o", name="turns", resume=True).trained == 4
    assert numbers(tmp_path / "o") == numbers(tmp_path / "whole")
    results = load_results(tmp_path / "whole" / "results.json")
    assert results["failures"] == []
    by_round = {(row["strategy"], row["round"]): 0 for row in results["rows"]}
    for row in results["rows"]:
        by_round[row["strategy"], row["round"]] += row["split"] != "all"
    assert set(by_round.values()) == {3, 6}  # half of them score a round, all score the last one
    trained = [item["client"] for item in results["training"] if item["strategy"] == "fedavg"]
    assert len(trained) == 9
    assert {item["strategy"] for item in results["training"]} == {"fedavg", "fedadam", "ot-fusion"}


def test_without_resume_nothing_old_is_used(call: Call, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        call("o", 2)
    with pytest.raises(Killed):
        call("o", 0)
    assert not (tmp_path / "o" / FOLDER).exists()


def test_half_a_file_is_no_answer(call: Call, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        call("o", 2)
    for path in (tmp_path / "o" / FOLDER).rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(Killed):
        call("o", 0, resume=True)


def test_damage_costs_an_answer_and_never_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A flipped bit in any file of an exchange, or a file in another's place: all are asked again."""
    inner = FakeGrid({5: answer(make_update(0)), 6: answer(make_update(1))})
    ask(grid_of(tmp_path / "c", inner), inner)
    [folder] = (tmp_path / "c").iterdir()
    whole = {path: path.read_bytes() for path in folder.iterdir()}
    assert len(whole) == 3
    generator = random.Random(0)

    def asked_again() -> int:
        inner.sent.clear()
        replies = ask(grid_of(tmp_path / "c", inner), inner)
        assert len(replies) == 2
        for path, content in whole.items():
            path.write_bytes(content)
        return len(inner.sent)

    assert asked_again() == 0
    for path, content in whole.items():
        for place in {0, 1, 8, len(content) - 1, *(generator.randrange(9, len(content)) for _ in range(20))}:
            spoilt = bytearray(content)
            spoilt[place % len(content)] ^= 1 << generator.randrange(8)
            path.write_bytes(spoilt)
            assert asked_again() in ((2,) if path.name == "complete" else (0, 2))  # bits of white space mean nothing
        last = bytearray(content)
        last[-1] ^= 1
        path.write_bytes(last)
        assert asked_again() == 2
    for content in (b"", b"1", b"999999999999", b"2 x", b"\xff"):
        (folder / "complete").write_bytes(content)
        assert asked_again() == 2
    (folder / "0.safetensors").write_bytes(whole[folder / "1.safetensors"])
    assert asked_again() == 2
    assert caplog.messages
    assert all("\n" not in message for message in caplog.messages)


def test_what_is_not_its_own_stays_when_a_checkpoint_goes(tmp_path: Path) -> None:
    inner = FakeGrid({5: answer(make_update(0))})
    grid = grid_of(tmp_path / "c", inner)
    ask(grid, inner)
    (tmp_path / "c" / "mine").mkdir()
    checkpoint.forget(tmp_path / "c")
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["mine"]


def grid_of(folder: Path, inner: FakeGrid, **options: Any) -> CheckpointedGrid:
    return CheckpointedGrid(inner, folder, places={node: k for k, node in enumerate(inner.nodes)}, **options)


def ask(grid: CheckpointedGrid, inner: FakeGrid) -> list[Message]:
    return list(grid.send_and_receive([Message(RecordDict(), node, "train") for node in inner.nodes]))


def test_answers_are_kept_as_they_are_and_errors_too(tmp_path: Path) -> None:
    inner = FakeGrid({5: answer(make_update(0)), 6: crash("no such file")})
    first = ask(grid_of(tmp_path / "c", inner), inner)
    moved = FakeGrid({8: inner.nodes[5], 9: inner.nodes[6]})  # the same clients under other ids
    again = ask(grid_of(tmp_path / "c", moved), moved)
    assert moved.sent == []
    assert [reply.metadata.src_node_id for reply in again] == [8, 9]
    assert again[1].error.reason == "no such file"
    assert {k: dict(v) for k, v in again[0].content.items()} == {k: dict(v) for k, v in first[0].content.items()}
    assert list(again[0].content) == list(first[0].content)


def test_where_nobody_answers_well_all_are_asked_again(tmp_path: Path) -> None:
    inner = FakeGrid({5: crash(), 6: crash()})
    ask(grid_of(tmp_path / "c", inner), inner)
    ask(grid_of(tmp_path / "c", inner), inner)
    assert len(inner.sent) == 4


def test_the_same_question_twice_is_two_questions(tmp_path: Path) -> None:
    inner = FakeGrid({5: answer(make_update(0))})
    grid = grid_of(tmp_path / "c", inner)
    ask(grid, inner)
    ask(grid, inner)
    assert len(inner.sent) == 2


def test_arrays_of_equal_bytes_are_kept_although_they_share_memory(tmp_path: Path) -> None:
    """Flower's messages hold equal arrays once: zeros of equal shape, mostly."""

    def alike(message: Message) -> Message:
        one = Array(np.zeros(3, np.float32))
        return Message(RecordDict({"arrays": ArrayRecord({"a": one, "b": one})}), reply_to=message)

    inner = FakeGrid({5: alike})
    ask(grid_of(tmp_path / "c", inner), inner)
    [again] = ask(grid_of(tmp_path / "c", inner), inner)
    assert len(inner.sent) == 1
    assert {name: array.numpy().tolist() for name, array in again.content.array_records["arrays"].items()} == {
        "a": [0.0, 0.0, 0.0],
        "b": [0.0, 0.0, 0.0],
    }


def test_a_checkpoint_has_a_limit_and_a_full_disk_costs_it_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = FakeGrid({5: answer(make_update(0))})
    ask(grid_of(tmp_path / "c", inner, most_bytes=100), inner)
    assert not (tmp_path / "c").exists()

    def full(path: Path, *content: object) -> None:
        raise FedotError(f"{path} cannot be written")

    for name in ("write_bytes", "write_tensors"):
        monkeypatch.setattr(checkpoint, name, full)
    assert len(ask(grid_of(tmp_path / "c", inner), inner)) == 1


def test_a_full_disk_ends_a_run_in_one_line_and_it_can_be_resumed(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tensor_file.save_file

    def full(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
        real(tensors, path, metadata)
        if path.parent.name == "models":
            os.truncate(path, path.stat().st_size // 2)
            raise SafetensorError("I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr(tensor_file, "save_file", full)
        with pytest.raises(FedotError, match=r"models/.*cannot be written \(.*No space left on device") as found:
            call("o")
    assert "\n" not in str(found.value)
    assert not list((tmp_path / "o" / "models").iterdir())
    assert load_results(tmp_path / "o" / "results.json")["provenance"]["finished"]["seeds"] == []
    assert call("o", 0, resume=True).trained == 0  # all answers are there
    assert len(list((tmp_path / "o" / "models").iterdir())) == 5
