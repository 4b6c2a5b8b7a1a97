"""``python -m fedot.simulate SCENARIO``: run a scenario on this machine and report on it."""

import contextlib
import enum
import json
import logging
import os
import shlex
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedot.errors import FedotError
from fedot.federation.engines.flower_cli import QUIET
from fedot.storage.scratch import scratch_folder
from fedot.terminal.command import command
from fedot.text.outside import printable

if TYPE_CHECKING:  # imported late, so that --help is quick
    from fedot.scenario import Scenario
    from fedot.scenario.yaml_file import Run

# What a run writes besides its models.
OUTPUTS = ("results.json", "report.html", "scenario.yaml", "status.json")

Value = bool | float | int | str


class Engine(enum.StrEnum):
    """Who carries the messages."""

    inprocess = "inprocess"
    flower = "flower"


class Device(enum.StrEnum):
    """What to compute on."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def simulate(
    scenario: Annotated[Path, typer.Argument(help="A scenario file, for example scenarios/bilingual.yaml.")],
    out: Annotated[Path | None, typer.Option(help="Output folder; runs/NAME by default.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that holds data sets as Parquet files.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds in place of the scenario's: 0,1,2.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Override a key of the scenario: train.epochs=2.")
    ] = None,
    engine: Annotated[Engine, typer.Option(help="Own in-process engine, or Flower's on Ray.")] = Engine.inprocess,
    device: Annotated[Device, typer.Option(help="Where models are trained and evaluated.")] = Device.auto,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes of the in-process engine; 0: none but this one.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Edition of the scenario: one of its profiles.")] = "",
    variant: Annotated[str, typer.Option(help="Run this variant only, where the scenario has several.")] = "",
    cache: Annotated[
        Path | None, typer.Option(help="Folder of trained models; ~/.cache/fedot/models by default.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Train every model, and keep none.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an earlier run in the output folder.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run of the same scenario.")
    ] = False,
) -> None:
    """Run SCENARIO with all of its clients on this machine, print a table, and write a report."""
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    overrides = [*(set_ or []), *([f"seeds=[{seeds}]"] if seeds else [])]
    with command("error: ", "what was finished is in the output folder, marked as incomplete"):
        if force and resume:
            raise FedotError("--force starts again and --resume goes on; give one of them")
        if cache is not None and no_cache:
            raise FedotError("--cache and --no-cache are given; give one of them")
        runs, folder = _plan(scenario, out, profile, variant, overrides, force, resume)
        n = {run.slug: len(checked.client_specs()) for run, checked in runs}
        settings = _settings(scenario, data_dir, engine, device, resume)
        for run, _ in runs:
            with _cache(cache, no_cache) as models:
                own = {**settings, "overrides": json.dumps(run.overrides), "cache": models}
                _run_one(own, folder / run.slug, n[run.slug], workers, force)
        if len(runs) > 1:
            _join(folder, [run for run, _ in runs])


def _plan(
    path: Path, out: Path | None, profile: str, variant: str, overrides: list[str], force: bool, resume: bool
) -> tuple[list[tuple["Run", "Scenario"]], Path]:
    """Check every run before the first one begins; give them and the output folder."""
    from fedot.scenario import load_scenario
    from fedot.scenario.yaml_file import runs_of

    runs = [(run, load_scenario(path, run.overrides)) for run in runs_of(path, profile, variant, overrides)]
    name = runs[0][1].name + (f"-{profile}" if profile else "")
    folder = (out or Path("runs") / name).absolute()
    for run, _ in runs:
        place = folder / run.slug
        if (place / "results.json").exists() and not (force or resume):
            raise FedotError(
                f"{place} holds an earlier run; choose another --out, overwrite it with --force, "
                "or go on with --resume if it was interrupted"
            )
    return runs, folder


def _settings(
    scenario: Path,
    data_dir: Path | None,
    engine: Engine,
    device: Device,
    resume: bool,
) -> dict[str, Value]:
    """What all runs of one command have in common."""
    if data_dir is not None and not data_dir.is_dir():
        raise FedotError(f"--data-dir {data_dir} is no folder")
    return {
        "scenario": str(scenario.absolute()),
        "data-dir": str(data_dir.absolute()) if data_dir else "",
        "device": _device(device),
        "engine": engine.value,
        "command": shlex.join(["python", "-m", "fedot.simulate", *sys.argv[1:]]),
        "pooled": True,
        "progress": True,
        "resume": resume,
    }


@contextlib.contextmanager
def _cache(folder: Path | None, none: bool) -> Iterator[str]:
    """Give the folder of trained models; without a cache one that goes with the run, whose strategies share it."""
    from fedot.training.cache import default_folder, usable

    if none:
        with scratch_folder() as temporary:
            yield str(temporary)
    else:
        yield usable(folder or default_folder())


def _run_one(settings: Mapping[str, Value], folder: Path, n: int, workers: int | None, force: bool) -> None:
    """Run one scenario of `n` clients and tell how it went."""
    if workers is None:
        workers = min(os.cpu_count() or 1, n)
    run_config: dict[str, Value] = {**settings, "out-dir": str(folder), "workers": workers}
    if force:
        _clear(folder)
    from fedot.report.after_run import report_at_the_end

    with report_at_the_end(folder):
        if settings["engine"] == Engine.flower:
            from fedot.federation.engines.ray_engine import run_on_ray

            run_on_ray({**run_config, "workers": 0}, n, lambda line: typer.echo(printable(line, 1000), err=True))
        else:
            _run_in_process(run_config, n, workers)
    _tell(folder)


def _join(folder: Path, runs: Sequence["Run"]) -> None:
    """Put the variants side by side on one page."""
    from fedot.report import compare, load_results

    page = compare([(run.title, load_results(folder / run.slug / "results.json")) for run in runs], folder)
    typer.echo(f"all variants: {page}")


def _clear(folder: Path) -> None:
    """Remove what an earlier run wrote and nothing else, so that no old model lingers among the new."""
    from fedot.saved import is_of_a_run
    from fedot.storage.atomic import claimed

    if not folder.is_dir():
        return
    models = (path for path in (folder / "models").glob("*.safetensors") if is_of_a_run(path))
    found = [*(folder / name for name in OUTPUTS), *models]
    try:
        with claimed(folder):  # not what a run that is not over writes
            for path in found:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise FedotError(f"{error.filename} cannot be overwritten ({error.strerror}); choose another --out") from None


def _run_in_process(run_config: Mapping[str, Value], n: int, workers: int) -> None:
    """Run the ServerApp here, and the ClientApps in `workers` processes."""
    from flwr.app import Context, RecordDict

    from fedot.federation.engines.find_apps import find_apps
    from fedot.federation.engines.inprocess import InProcessGrid

    find_apps()
    from server.app import app

    logging.getLogger("flwr").setLevel(logging.ERROR)
    nodes = [{"partition-id": k, "num-partitions": n} for k in range(n)]
    with InProcessGrid(nodes, run_config, workers) as grid:
        app(grid, Context(1, 1, {}, RecordDict(), dict(run_config)))


def _device(device: Device) -> str:
    """Resolve `auto`; refuse a GPU that is not there."""
    if device is Device.cpu:
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device is Device.cuda:
        raise FedotError("--device cuda: torch sees no GPU here; use --device cpu")
    return "cpu"


def _tell(folder: Path) -> None:
    """Print the table, what to know about the data, and where everything is."""
    from rich.console import Console

    from fedot.report import load_results, summary_table

    results = load_results(folder / "results.json")
    console = Console()
    console.print(summary_table(results))
    for notice in results["provenance"]["notices"]:
        console.print(f"note: {printable(notice, 1000)}", style="dim", highlight=False, markup=False)
    if results["provenance"]["stand_in"]:
        console.print(
            "\nBUILT-IN STAND-IN DATA WERE USED: these figures say nothing about the real data sets.\n"
            "Give --data-dir, or let the hub be reached, to run on the real ones.",
            style="bold yellow",
        )
    console.print(f"\nreport: {folder / 'report.html'}\nresults: {folder / 'results.json'}", soft_wrap=True)


def main() -> None:
    """Entry point."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    cli()


if __name__ == "__main__":
    main()
