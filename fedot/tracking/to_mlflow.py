"""Results in MLflow: a run with settings, means, report and figures; in it one a strategy and seed, with its model.

They go where ``MLFLOW_TRACKING_URI`` says, else into a data base in the output folder.
"""

import logging
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fedot.errors import FedotError
from fedot.report.analysis.findings import findings
from fedot.report.analysis.indexed_run import Run
from fedot.report.figures.one_run import write_figures
from fedot.report.tables.summary import write_csv
from fedot.text.outside import printable
from fedot.tracking.points import curves_of, model_file

DATABASE, ARTIFACTS = "mlflow.db", "mlartifacts"
MOST_AT_ONCE = 100
LONGEST_VALUE = 500
FILES = ("results.json", "report.html", "scenario.yaml")
UNFIT = re.compile(r"[^\w\-. :/]")
"""What no name of a metric may hold."""


def write_mlflow(results: Mapping[str, Any], folder: Path) -> str:
    """Write a finished or interrupted run.

    Returns
    -------
    str
        How to look at it.

    Raises
    ------
    FedotError
        If the store cannot be reached or written to; what was written until then is marked as failed.
    """
    local = f"sqlite:///{folder / DATABASE}"
    uri = os.environ.get("MLFLOW_TRACKING_URI") or local
    try:
        with _quiet():
            _write(results, folder, uri, (folder / ARTIFACTS).as_uri() if uri == local else None)
    except Exception as error:  # its own, requests', sqlalchemy's and the file system's errors have no common base
        told = str(error).replace(_user_of(uri), "")
        raise FedotError(f"{_without_password(uri)}: {printable(told)}") from None
    return f'mlflow ui --backend-store-uri "{uri}"' if uri == local else f"written to {_without_password(uri)}"


def _write(results: Mapping[str, Any], folder: Path, uri: str, artifacts: str | None) -> None:
    from mlflow import MlflowClient

    client, scenario, provenance = MlflowClient(uri), results["scenario"], results["provenance"]
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or str(scenario.get("name", "fedot"))
    known = client.get_experiment_by_name(name)
    experiment = known.experiment_id if known else client.create_experiment(name, artifacts)
    ended = "FINISHED" if provenance.get("complete", True) else "KILLED"
    with _run(client, experiment, folder.name, _tags(results), ended) as whole:
        _log(client, whole, params=_flat(scenario), metrics=_means(results))
        for file in FILES:
            if (folder / file).is_file():
                client.log_artifact(whole, str(folder / file))
        with tempfile.TemporaryDirectory() as scratch:
            write_csv(results, Path(scratch) / "summary.csv")
            write_figures(results, Path(scratch) / "figures")
            client.log_artifacts(whole, scratch)
        for (strategy, seed), points in curves_of(results).items():
            tags = {"mlflow.parentRunId": whole, "fedot.strategy": strategy, "fedot.seed": str(seed)}
            with _run(client, experiment, f"{strategy}, seed {seed}", tags, ended) as run:
                names = fit_names([point.name for point in points])
                metrics = [(names[point.name], point.value, point.round) for point in points]
                _log(client, run, params={"strategy": strategy, "seed": str(seed)}, metrics=metrics)
                model = model_file(folder, strategy, seed)
                if model is not None:
                    client.log_artifact(run, str(model), "model")


def fit_names(names: Sequence[str]) -> dict[str, str]:
    """Write names of metrics so that MLflow takes them, and so that different ones stay different.

    Examples
    --------
    >>> fit_names(["accuracy/ward#3", "accuracy/ward?3", "nll/all"])
    {'accuracy/ward#3': 'accuracy/ward_3', 'accuracy/ward?3': 'accuracy/ward_3-2', 'nll/all': 'nll/all'}
    """
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        plain = UNFIT.sub("_", name).replace("..", "__")
        others, number, free = set(found.values()), 2, plain
        while free in others:
            free, number = f"{plain}-{number}", number + 1
        found[name] = free
    return found


@contextmanager
def _run(client: Any, experiment: str, name: str, tags: Mapping[str, str], ended: str) -> Iterator[str]:
    run = client.create_run(experiment, tags=dict(tags), run_name=printable(name)).info.run_id
    try:
        yield run
    except BaseException:
        client.set_terminated(run, "FAILED")
        raise
    client.set_terminated(run, ended)


def _log(client: Any, run: str, params: Mapping[str, str], metrics: Sequence[tuple[str, float, int]]) -> None:
    from mlflow.entities import Metric, Param

    now = int(client.get_run(run).info.start_time)
    settings = [Param(key, value) for key, value in params.items()]
    figures = [Metric(name, value, now, number) for name, value, number in metrics]
    for start in range(0, max(len(settings), len(figures)), MOST_AT_ONCE):
        part = slice(start, start + MOST_AT_ONCE)
        client.log_batch(run, metrics=figures[part], params=settings[part])


def _means(results: Mapping[str, Any]) -> list[tuple[str, float, int]]:
    """Mean over seeds of every metric over all clients, in the last round, by line of the table."""
    run = Run.of(results)
    found = {
        f"{metric.key}/{entry.label}": value.mean
        for entry in run.measured
        for metric in run.metrics
        if (value := run.estimate(entry, metric)) is not None
    }
    names = fit_names(list(found))
    return [(names[name], value, 0) for name, value in found.items()]


def _tags(results: Mapping[str, Any]) -> dict[str, str]:
    provenance = results["provenance"]
    told = {
        "mlflow.note.content": findings(results).headline,
        "mlflow.source.name": provenance.get("command"),
        "mlflow.source.git.commit": provenance.get("commit"),
        "fedot.version": provenance.get("fedot"),
        "fedot.engine": provenance.get("engine"),
        "fedot.complete": str(provenance.get("complete", True)).lower(),
        "fedot.stand-in": str(provenance.get("stand_in", False)).lower(),
    }
    return {key: printable(value, LONGEST_VALUE) for key, value in told.items() if value}


def _flat(values: Any, before: str = "") -> dict[str, str]:
    """Settings with dotted names: ``train.epochs``, ``clients.0.dataset``."""
    if isinstance(values, Mapping | list | tuple) and values:
        items = values.items() if isinstance(values, Mapping) else enumerate(values)
        return {
            key: text
            for name, value in items
            for key, text in _flat(value, f"{before}.{name}" if before else str(name)).items()
        }
    return {UNFIT.sub("_", before): printable(values, LONGEST_VALUE)} if values not in (None, "", [], {}) else {}


def _without_password(uri: str) -> str:
    return uri.replace(_user_of(uri), "")


def _user_of(uri: str) -> str:
    """Name and password in an address, with the sign behind them; nothing where it has none."""
    user, sign, _ = urlsplit(uri).netloc.rpartition("@")
    return user + sign


@contextmanager
def _quiet() -> Iterator[None]:
    """Let MLflow send nothing home, and print neither its migrations nor its libraries' warnings."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when it is imported
    loud = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    before = [each.level for each in loud]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401

        for each in loud:
            each.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for each, level in zip(loud, before, strict=True):
                each.setLevel(level)
