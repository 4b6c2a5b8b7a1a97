"""The lines that use a run's best model, to copy."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fedot.report.analysis.compared_runs import task_in
from fedot.report.analysis.entries import best_of
from fedot.report.analysis.indexed_run import Run
from fedot.tasks import TASK_FACTS
from fedot.text.names import PARENT, model_file_name


@dataclass(frozen=True, slots=True)
class Use:
    """The strategy whose model is used, what is to be said of it, and the lines for a shell and for Python."""

    label: str
    told: str
    shell: str
    python: str


def use_of(run: Run) -> Use | None:
    """Give the lines for the best strategy's model of its first whole seed; None where no strategy finished."""
    results = run.results
    best = best_of(run.scores, run.rivals)
    if best is None or run.headline is None or task_in(results) not in TASK_FACTS:
        return None
    seeds = sorted(seed for seed, _ in run.scores.comparable(best.members, "all", run.headline.key))
    seed = seeds[0] if seeds else run.scores.seeds[0]
    path = f"models/{model_file_name(best.members[0], seed)}"
    if _pretrained(results["scenario"]):
        path = path.removesuffix(".safetensors")
    told = f"{best.label}, seed {seed}"
    shell, python = [shlex.quote(path)], [f"model = fedot.read_model({json.dumps(path)})"]
    if _own_vocabularies(results["scenario"]):
        reader = f"models/{model_file_name(f'{PARENT}{_first_client(run)}', seed)}"
        told += ". Clients have a vocabulary each: name the model of the client whose texts are read"
        shell.append(f"--tokenizer {shlex.quote(reader)}")
        python.append(f"model = model.with_tokenizer(fedot.read_model({json.dumps(reader)}).tokenizer)")
    command = " ".join(["fedot predict", *shell])
    lines = [f'{command} "Your own text."', f"{command} --file texts.csv --column text -o answers.csv"]
    code = ["import fedot", "", *python, 'model.predict(["Your own text."])']
    return Use(best.label, told, "\n".join(lines), "\n".join(code))


def _own_vocabularies(scenario: Mapping[str, Any]) -> bool:
    clients = scenario.get("clients")
    specs = [scenario, *(each for each in (clients if isinstance(clients, list) else ()) if isinstance(each, Mapping))]
    return any((spec.get("tokenizer") or {}).get("scope") == "per-client" for spec in specs)


def _pretrained(scenario: Mapping[str, Any]) -> bool:
    clients = scenario.get("clients")
    each = clients if isinstance(clients, list) else [clients]
    return any("pretrained" in (spec.get("model") or {}) for spec in (scenario, *each) if isinstance(spec, Mapping))


def _first_client(run: Run) -> str:
    return next(iter(run.results["provenance"].get("data") or run.scores.clients), "CLIENT")
