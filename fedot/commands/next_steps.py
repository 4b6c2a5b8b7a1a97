"""What one may do with a run that is over: commands with real paths, to be copied as they are."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedot.terminal.called import other
from fedot.text.names import saved_model

TEXT = "A text of your own."


def next_steps(results: Mapping[str, Any], folder: Path) -> tuple[str, ...]:
    """Commands that use the best model of a run, and that draw its figures for a paper."""
    lines = []
    model = best_model(results, folder)
    if model is not None:
        parts = ["predict", shlex.quote(shown(model))]
        words = _tokenizer_for(model)
        if words is not None:
            parts += ["--tokenizer", shlex.quote(shown(words))]
        lines.append(called(" ".join([*parts, f'"{TEXT}"'])))
    lines.append(called(f"report {shlex.quote(shown(folder))}"))
    return tuple(lines)


def best_model(results: Mapping[str, Any], folder: Path) -> Path | None:
    """File of the best strategy's model, of its first seed; None where no strategy has one."""
    from fedot.report.analysis.entries import best_of
    from fedot.report.analysis.indexed_run import Run

    run = Run.of(results)
    best = best_of(run.scores, run.rivals)
    found = [saved_model(folder / "models", best.members[0], seed) for seed in run.scores.seeds] if best else []
    return next((path for path in found if path is not None), None)


def shown(path: Path) -> str:
    """Write a path as short as it can be from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) and path != here else str(path)


def called(part: str) -> str:
    """A command of fedot as whoever called this one calls it, through uv if this one was."""
    return f"{'uv run ' if os.environ.get('UV_RUN_RECURSION_DEPTH') else ''}{other(part)}"


def _tokenizer_for(model: Path) -> Path | None:
    """File of a client that can read for a model which has the tokens of several; None where it reads by itself."""
    from fedot.storage.tensor_file import TensorFile

    if model.is_dir() or "tokenizer" in TensorFile(model).metadata:
        return None
    parents = sorted(model.parent.glob("parent-*.safetensors"))
    return next((each for each in parents if "tokenizer" in TensorFile(each).metadata), None)
