"""A checkpoint of the hub is kept at the commit it was found at, which the record tells."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

import fedot
from tests.pretrained.tiny import write_scenario

Folders = Callable[[str], Path]


@pytest.fixture
def hub(tmp_path: Path, checkpoints: Folders, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A hub whose branch moves with every question; where it has put its commits."""
    commits: list[Path] = []

    def answer(name: str, **_: Any) -> str:
        assert name == "who/moves"
        commits.append(tmp_path / "models--who--moves" / "snapshots" / f"{len(commits):040x}")
        shutil.copytree(checkpoints("bert"), commits[-1])
        return str(commits[-1])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", answer)
    return commits


def test_a_run_keeps_the_commit_it_began_with_and_tells_it(tmp_path: Path, hub: list[Path]) -> None:
    path = write_scenario(tmp_path, model={"pretrained": "who/moves", "max_length": 12}, rounds=1)
    found = fedot.simulate(path, out=tmp_path / "out", progress=False, cache=False)
    told = [line for line in found.results["provenance"]["notices"] if "revision" in line]
    asked = {line.rpartition(" ")[2] for line in told}
    assert len(told) == 2
    assert len(asked) == 1
    assert asked <= {each.name for each in hub}
    assert "north: who/moves is read from the hub, revision" in told[0]
