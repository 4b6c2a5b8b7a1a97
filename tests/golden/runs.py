"""Golden cases that run a small federation on the built-in stand-in data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from safetensors import safe_open
from safetensors.torch import load_file

from tests.golden import figures, house

ROOT = Path(__file__).parents[2]
TINY: dict[str, Any] = {
    "name": "tiny",
    "clients": [
        {"dataset": "xed", "lang": "en", "examples": 120, "test_examples": 40},
        {"dataset": "xed", "lang": "fi", "examples": 100, "test_examples": 40},
    ],
    "tokenizer": {"vocab_size": 150},
    "model": {"name": "encoder", "d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 16, "max_length": 12},
    "train": {"epochs": 1, "batch_size": 32},
    "strategies": ["ot-fusion"],
    "references": ["parents"],
    "seeds": [0],
    "data": {"source": "stand-in"},
}
TRANSLATION: dict[str, Any] = {
    "name": "tiny-translation",
    "task": "translation",
    "clients": {
        **{"dataset": "multi30k", "source": "en", "target": "de", "examples": 160, "test_examples": 24},
        "partition": {"kind": "iid", "count": 2},
    },
    "tokenizer": {"kind": "reversible", "vocab_size": 150},
    "model": {"name": "seq2seq", "d_model": 16, "n_layer": 1, "n_head": 2, "d_ff": 32, "max_length": 24},
    "train": {"epochs": 20, "batch_size": 32, "lr": 0.01, "label_smoothing": 0.1, "patience": 1},
    "decoding": {"beam": 2},
    "strategies": ["fedavg", "ot-fusion"],
    "references": ["parents"],
    "seeds": [0],
    "data": {"source": "stand-in"},
}
PARTS = ("failures", "lines", "reliability", "couplings", "diagnostics", "training")
"""Parts of ``results.json`` whose hash is kept; the rows are kept as they are."""


def simulated(folder: Path, scenario: Path, *args: str) -> figures.Figures:
    """Rows, hashes of the other results and of every model that a run leaves."""
    house.simulate_command(scenario, "--out", folder / "run", *args)
    results = json.loads((folder / "run" / "results.json").read_text())
    if results["failures"] or not results["provenance"]["complete"]:
        raise RuntimeError(f"the run failed: {results['failures']}")
    models = sorted((folder / "run" / "models").glob("*.safetensors"))
    return {
        "rows": figures.of_rows(results["rows"]),
        "results": {part: figures.of_record(results[part]) for part in PARTS},
        "notices": results["provenance"]["notices"],
        "models": {path.stem: {**figures.of_tensors(load_file(path)), "told": _told(path)} for path in models},
    }


def _told(path: Path) -> str:
    """What a model file says beside its tensors."""
    with safe_open(path, "pt") as file:
        return figures.of_text(json.dumps(file.metadata(), sort_keys=True))


def tiny(base: dict[str, Any] = TINY, **changes: Any) -> Callable[[Path], figures.Figures]:
    """Run a scenario with some keys changed."""

    def run(folder: Path) -> figures.Figures:
        path = folder / "scenario.yaml"
        path.write_text("# Golden\n" + yaml.safe_dump({**base, **changes}, sort_keys=False))
        return simulated(folder, path)

    return run


def quickstart(folder: Path) -> figures.Figures:
    """The quickstart scenario, cut to seconds: two seeds, 600 texts a client, the best of two epochs."""
    cut = ("clients.0.examples=600", "clients.1.examples=600", "clients.0.test_examples=200",
           "clients.1.test_examples=200", "train.epochs=2", "train.keep=best", "tokenizer.vocab_size=500")  # fmt: skip
    overrides = [each for key in cut for each in ("--set", key)]
    return simulated(folder, ROOT / "scenarios" / "quickstart.yaml", "--seeds", "0,1", *overrides)


PER_CLIENT = {"scope": "per-client", "vocab_size": 120}
CASES: dict[str, Callable[[Path], figures.Figures]] = {
    "run, three rounds of unequal vocabularies": tiny(rounds=3, tokenizer=PER_CLIENT),
    "run, clients that align": tiny(
        rounds=2, strategies=[{"name": "fedadam", "align": "client"}, {"name": "ot-fusion", "align": "client"}]
    ),
    "run, strategies and references": tiny(
        strategies=[
            *("fedavg", "fedavg-token-rows", "fedavg-class-shares", "fedmedian"),
            {"name": "ot-fusion", "method": "aligned", "solver": "sinkhorn", "as": "soft"},
        ],
        references=["parents", "ensemble", "centralised", "fedavg-shared-init"],
        transfer="float16",
    ),
    "run, translation": tiny(TRANSLATION),
    "run, quickstart": quickstart,
}
