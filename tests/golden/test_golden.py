"""Figures that a refactoring may not move: to the bit on the machine kind that wrote them, nearly on any other."""

import copy
from pathlib import Path

import pytest
import torch

from tests.golden import figures
from tests.golden.cases import CASES, TRAINED, figures_of

KEPT = figures.read()
SAME = figures.machine() == KEPT["machine"]
ALIKE = [
    ["aligned, unequal widths", "from disk, aligned"],
    ["merged", "auto, which merges"],
    ["auto, unequal widths", "from disk, auto"],
]
"""The same fusion, asked for in two ways."""
HOW = "the golden figures moved. If that is meant, see tests/golden/write.py:\n"


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, undrawn: None) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FEDOT_LOG", raising=False)


@pytest.mark.parametrize("name", CASES)
def test_nothing_moved(name: str, tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    found = figures_of(name, tmp_path / "case")
    moved = figures.differences(found, KEPT["cases"][name], same_machine=SAME, trained=name in TRAINED)
    assert not moved, HOW + "\n".join(moved)


def test_every_case_is_kept_and_no_other() -> None:
    assert list(KEPT["cases"]) == list(CASES)


def test_only_what_is_the_same_fusion_gives_the_same_tensors() -> None:
    """An option without effect would make a case that tests nothing."""
    seen: dict[str, list[str]] = {}
    for name, case in KEPT["cases"].items():
        if name not in TRAINED:
            seen.setdefault(case["fused"]["sha256"], []).append(name)
    assert [names for names in seen.values() if len(names) > 1] == ALIKE


def test_one_bit_of_a_tensor_is_noticed_on_the_same_machine() -> None:
    state = {"a": torch.randn(20, 30, generator=torch.Generator().manual_seed(0)), "b": torch.ones(3)}
    wanted = {"fused": figures.of_tensors(state)}
    state["a"][3, 4] = torch.nextafter(state["a"][3, 4], torch.tensor(9.0))
    found = {"fused": figures.of_tensors(state)}
    [line] = figures.differences(found, wanted, same_machine=True, trained=False)
    assert line.startswith("fused / sha256: ")
    assert figures.differences(found, wanted, same_machine=False, trained=False) == []


def test_a_figure_of_tensors_that_moved_is_noticed_on_any_machine() -> None:
    state = {"a": torch.randn(20, 30, generator=torch.Generator().manual_seed(0))}
    wanted = {"fused": figures.of_tensors(state), "fit": [0.5]}
    other = {"fused": figures.of_tensors({"a": state["a"] * 1.01}), "fit": [0.51]}
    lines = figures.differences(other, wanted, same_machine=False, trained=False)
    assert {line.split(":")[0] for line in lines} >= {"case / fused / norm", "case / fit"}


def test_rows_of_trained_models_are_compared_loosely_on_another_machine() -> None:
    wanted = KEPT["cases"]["run, quickstart"]
    found = copy.deepcopy(wanted)
    row = next(iter(found["rows"]))
    found["rows"][row]["accuracy"] += 0.01
    assert figures.differences(found, wanted, same_machine=False, trained=True) == []
    assert len(figures.differences(found, wanted, same_machine=True, trained=True)) == 1
    found["rows"][row]["accuracy"] += 0.3
    [line] = figures.differences(found, wanted, same_machine=False, trained=True)
    assert line.startswith(f"{row} / accuracy: ")
    del found["rows"][row]
    assert figures.differences(found, wanted, same_machine=False, trained=True)
