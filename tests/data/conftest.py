"""Where the real data sets are, a scenario from a few words, and no network."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from fedot.scenario import Scenario, parse_scenario
from fedot.standin import sentences as standin

MakeScenario = Callable[..., Scenario]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test asks the hub or finds anybody's downloads, and stand-ins are short."""
    monkeypatch.setattr(standin, "TRAIN_ROWS", 2000)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    default = Path(__file__).parents[2].parent / "shared" / "data"
    found = Path(os.environ.get("FEDOT_TEST_DATA", default))
    if not (found / "xed" / "en.parquet").is_file():
        pytest.skip("the real data sets are not here; FEDOT_TEST_DATA says where they are")
    return found


@pytest.fixture
def make_scenario(tmp_path: Path) -> MakeScenario:
    def make(clients: Any, source: str = "stand-in", task: str = "classification", **settings: Any) -> Scenario:
        values = {
            "name": "x",
            "clients": clients,
            "data": {"source": source},
            "task": task,
            "base_dir": tmp_path,
        }
        return parse_scenario({**values, **settings})

    return make
