"""Trained models are kept by what decides a training, and come back to the bit."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fedot import cache
from fedot.cache import kept, read, training_key, usable
from fedot.errors import FedotError
from fedot.models import build_model, state_of
from fedot.models.encoder import EncoderConfig
from fedot.scenario import TrainSpec
from fedot.tokenizer import Encoded
from fedot.training import Labelled, train

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


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(FedotError, match="--no-cache"):
        usable(Path("/proc/none"))
