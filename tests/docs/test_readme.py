"""README's commands are those that continuous integration runs, and its program is one that a test runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = "python -m fedot.simulate scenarios/quickstart.yaml"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


def test_the_two_commands_are_those_of_continuous_integration() -> None:
    [block] = blocks("bash")
    first, second = (line.partition("#")[0].strip() for line in block.splitlines())
    assert (first, second) == (f"uv run {PYTHON}", "uv run --extra dev pytest")
    steps = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith(PYTHON) for line in steps)
    assert any(re.fullmatch(r"(\w+=\S+ )?pytest -q", line) for line in steps)


def test_the_commands_in_sentences_run_the_same() -> None:
    assert f"`pip install -e . && {PYTHON}`" in README
    assert '`pip install -e ".[dev]" && pytest`' in README


def test_the_program_runs_as_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for path in (ROOT / "examples/own_files").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    [program] = blocks("python")
    names: dict[str, object] = {}
    exec(compile(program, "README.md", "exec"), names)
    assert (tmp_path / "both.safetensors").is_file()
    assert "kind and patient" in str(names["fused"].predict(["The nurse was kind and patient."]))  # type: ignore[attr-defined]
