"""Checkpoints that are made once, and no network."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from tests.federation.conftest import no_network

__all__ = ["no_network"]

if find_spec("transformers") is None or find_spec("peft") is None:
    collect_ignore_glob = ["test_*.py"]  # the extra `hf` is not installed


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of each kind; no test changes one."""
    from tests.pretrained.tiny import save

    root = tmp_path_factory.mktemp("checkpoints")

    def of(kind: str) -> Path:
        return root / kind if (root / kind).exists() else save(kind, root / kind)

    return of


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whoever asks the hub is told that there is no network; the names that were asked for are kept."""
    asked: list[str] = []

    def refuse(name: str, **_: Any) -> str:
        asked.append(name)
        raise ConnectionError("there is no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    return asked
