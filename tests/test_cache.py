"""Trained models are kept by what decides a training, and come back to the bit."""

import os
import re
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from fedot.errors import FedotError
from fedot.models import build_model, state_of
from fedot.models.encoder import EncoderConfig
from fedot.scenario import TrainSpec
from fedot.tasks.classification import Labelled
from fedot.tokenizer import Encoded
from fedot.training import cache, train
from fedot.training.cache import kept, read, training_key, usable

CONFIG = EncoderConfig(vocab_size=12, n_class=2, d_model=8, n_layer=1, n_head=2, d_head=4, d_ff=16, max_length=6)


def examples(seed: int) -> Labelled:
    rng = np.random.default_rng(seed)
    ids = [rng.integers(1, 12, rng.integers(2, 6)).tolist() for _ in range(24)]
    return Labelled(Encoded(ids, 0), rng.integers(0, 2, 24))


def task(**changes: Any) -> partial[Any]:
    given = {"state": None, "training": examples(0), "validation": examples(1), "spec": TrainSpec(epochs=2), "seed": 3}
    return partial(train, CONFIG, **{**given, **changes})


def key_of(job: partial[Any]) -> str:
    return training_key(*job.args, **job.keywords)


def test_a_kept_result_is_the_trained_one_to_the_bit(tmp_path: Any) -> None:
    job = task()
    first = kept(str(tmp_path), key_of(job), job)
    again = kept(str(tmp_path), key_of(job), lambda: pytest.fail("trained twice"))
    assert list(again.state) == list(first.state)
    assert all(torch.equal(again.state[name], first.state[name]) for name in first.state)
    assert torch.equal(again.token_counts, first.token_counts)
    assert again.history == first.history  # the seconds too: those of the training
    assert again.num_examples == first.num_examples
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


def test_without_a_folder_nothing_is_kept(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job = task()
    assert kept("", key_of(job), job).num_examples == 24
    assert list(tmp_path.iterdir()) == []


def shorter() -> Labelled:
    whole = examples(0)
    return Labelled(Encoded([*whole.encoded.ids[:-1], whole.encoded.ids[-1][:-1]], 0), whole.labels)


def relabelled() -> Labelled:
    whole = examples(0)
    return Labelled(whole.encoded, 1 - whole.labels)


@pytest.mark.parametrize(
    "change",
    [
        {"training": examples(5)},
        {"training": shorter()},
        {"training": relabelled()},
        {"validation": examples(0)},
        {"spec": TrainSpec(epochs=2, lr=2e-3)},
        {"spec": TrainSpec(epochs=3)},
        {"seed": 4},
        {"state": state_of(build_model(CONFIG, 0))},
        {"proximal_mu": 0.1},
        {"device": "cuda"},
    ],
)
def test_whatever_decides_is_in_the_key(change: dict[str, Any]) -> None:
    assert key_of(task(**change)) != key_of(task())


def test_what_does_not_decide_is_not() -> None:
    assert key_of(task(spec=TrainSpec(epochs=2, validation=0.2))) == key_of(task())


def test_other_code_trains_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of(task())
    monkeypatch.setattr(cache, "training_code", lambda: "other")
    assert key_of(task()) != before


def test_the_code_that_trains_is_found() -> None:
    names = {path.name for path in cache._code()}
    assert {"train.py", "pairs.py", "batching.py", "encoder.py"} <= names


def test_start_weights_are_in_the_key() -> None:
    one, other = (state_of(build_model(CONFIG, seed)) for seed in (0, 1))
    assert key_of(task(state=one)) != key_of(task(state=other))


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_broken_file_is_trained_again(tmp_path: Any, content: bytes | None) -> None:
    job = task()
    path = tmp_path / f"{key_of(job)}.safetensors"
    first = kept(str(tmp_path), key_of(job), job)
    path.write_bytes(path.read_bytes()[:-9] if content is None else content)
    assert read(path) is None
    again = kept(str(tmp_path), key_of(job), job)
    assert all(torch.equal(again.state[name], first.state[name]) for name in first.state)
    assert read(path) is not None


def test_every_damaged_byte_trains_again(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A flipped bit anywhere: in the length, in the header, in names, in numbers."""
    job = task()
    path = tmp_path / f"{key_of(job)}.safetensors"
    first = kept(str(tmp_path), key_of(job), job)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in [*range(9), *rng.integers(9, len(whole), 300).tolist()]:
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(spoilt)
        found = read(path)
        if found is not None:  # of the header's JSON some bits mean nothing: white space between its parts
            assert all(torch.equal(found.state[name], first.state[name]) for name in first.state)
            assert (found.history, found.num_examples) == (first.history, first.num_examples)
            assert place < 8 + int.from_bytes(whole[:8], "little")
    assert all("\n" not in message for message in caplog.messages)
    path.write_bytes(whole)
    assert read(path) is not None


def test_a_result_under_another_name_or_without_a_checksum_is_none(tmp_path: Any) -> None:
    job = task()
    path = tmp_path / f"{key_of(job)}.safetensors"
    kept(str(tmp_path), key_of(job), job)
    other = tmp_path / f"{'0' * 32}.safetensors"
    shutil.copy(path, other)
    assert read(other) is None
    with safe_open(path, "pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    del metadata["checksum"]
    save_file(tensors, path, metadata)  # as an older release did
    assert read(path) is None
    (tmp_path / "folder.safetensors").mkdir()
    assert read(tmp_path / "folder.safetensors") is None


def test_only_results_are_forgotten(tmp_path: Any) -> None:
    """Whatever else is in the folder, of whatever name and age, is the user's."""
    jobs = [task(seed=seed) for seed in range(5)]
    mine = ["best.safetensors", f"{'a' * 32}.safetensors", f"{'b' * 32}.safetensors", "notes.part", ".x.part"]
    for name in mine:
        save_file({"w": torch.ones(2)}, tmp_path / name, {"format": "pt"})
    (tmp_path / mine[2]).write_bytes(b"no safetensors file")
    kept(str(tmp_path), key_of(jobs[0]), jobs[0], 2)
    shutil.copy(tmp_path / f"{key_of(jobs[0])}.safetensors", tmp_path / "copy.safetensors")
    outside = tmp_path / "elsewhere" / f"{'c' * 32}.safetensors"
    outside.parent.mkdir()
    shutil.copy(tmp_path / "copy.safetensors", outside)
    (tmp_path / outside.name).symlink_to(outside)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for path in before:
        os.utime(path, (1, 1))
    for job in jobs[1:]:
        kept(str(tmp_path), key_of(job), job, 2)
    gone = {path for path in before if not path.exists()}
    assert gone == {tmp_path / f"{key_of(jobs[0])}.safetensors"}
    assert all(path.read_bytes() == content for path, content in before.items() if path not in gone)
    left = [job for job in jobs if (tmp_path / f"{key_of(job)}.safetensors").exists()]
    assert left == jobs[3:]


def test_what_a_killed_process_left_half_written_goes_after_a_day(tmp_path: Any) -> None:
    job = task()
    old, new = (tmp_path / f".{'a' * 32}.safetensors.{pid}.part" for pid in (1, 2))
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000, time.time() - 90_000))
    kept(str(tmp_path), key_of(job), job)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_folder_that_is_none_costs_the_cache_only(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("no folder")
    job = task()
    assert kept(str(tmp_path / "file"), key_of(job), job).num_examples == 24
    assert kept(str(tmp_path / "file" / "below"), key_of(job), job).num_examples == 24


def test_without_a_home_the_folder_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(FedotError, match="XDG_CACHE_HOME"):
        cache.default_folder()


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(FedotError, match="--no-cache"):
        usable(Path("/proc/none"))


def test_another_loss_or_another_calibration_trains_again():
    counted = {path.name for path in cache._code()}
    used = re.findall(r"^from fedot\.training\.(\w+) import", Path(train.__code__.co_filename).read_text(), re.M)
    assert {"train.py", *(f"{name}.py" for name in used)} <= counted
