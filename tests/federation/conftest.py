"""A tiny federation on made-up text; and Flower, imported where its dependencies' warnings are no errors."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from fedot.scenario import Scenario, parse_scenario
from fedot.standin import sentences as standin

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import flwr.app  # noqa: F401

TINY: dict[str, Any] = {
    "name": "tiny",
    "clients": [
        {"dataset": "xed", "lang": "en", "examples": 90, "test_examples": 30},
        {"dataset": "xed", "lang": "fi", "examples": 80, "test_examples": 30},
    ],
    "tokenizer": {"vocab_size": 150},
    "model": {"name": "encoder", "d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 16, "max_length": 12},
    "train": {"epochs": 1, "batch_size": 32},
    "strategies": ["fedavg", "ot-fusion"],
    "references": ["parents", "ensemble"],
    "seeds": [0],
    "data": {"source": "stand-in"},
}

MakeScenario = Callable[..., Scenario]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(standin, "TRAIN_ROWS", 400)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def tiny(tmp_path: Path) -> MakeScenario:
    return lambda **changes: parse_scenario({**TINY, "base_dir": tmp_path, **changes})
