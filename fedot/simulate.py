"""``python -m fedot.simulate SCENARIO``: run a scenario on this machine and report on it."""

import enum
import json
import logging
import os
import shlex
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from fedot.errors import FedotError

# Nothing here phones home; Flower and Ray read these when they are imported.
QUIET = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1", "RAY_USAGE_STATS_ENABLED": "0"}

# What a run writes besides its models.
OUTPUTS = ("results.json", "report.html", "scenario.yaml")

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
    force: Annotated[bool, typer.Option("--force", help="Overwrite an earlier run in the output folder.")] = False,
) -> None:
    """Run SCENARIO with all of its clients on this machine, print a table, and write a report."""
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    overrides = [*(set_ or []), *([f"seeds=[{seeds}]"] if seeds else [])]
    try:
        _run(scenario, out, data_dir, overrides, engine, device, workers, force)
    except FedotError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("interrupted; what was finished is in the output folder, marked as incomplete", code=130)


def _run(
    scenario_path: Path,
    out: Path | None,
    data_dir: Path | None,
    overrides: list[str],
    engine: Engine,
    device: Device,
    workers: int | None,
    force: bool,
) -> None:
    from fedot.scenario import load_scenario

    scenario = load_scenario(scenario_path, overrides)
    if data_dir is not None and not data_dir.is_dir():
        raise FedotError(f"--data-dir {data_dir} is no folder")
    folder = (out or Path("runs") / scenario.name).absolute()
    if (folder / "results.json").exists() and not force:
        raise FedotError(f"{folder} holds an earlier run; choose another --out, or overwrite it with --force")
    n = len(scenario.client_specs())
    if workers is None:
        workers = min(os.cpu_count() or 1, n)
    run_config: dict[str, Value] = {
        "scenario": str(scenario_path.absolute()),
        "overrides": json.dumps(overrides),
        "out-dir": str(folder),
        "data-dir": str(data_dir.absolute()) if data_dir else "",
        "device": _device(device),
        "engine": engine.value,
        "command": shlex.join(["python", "-m", "fedot.simulate", *sys.argv[1:]]),
        "pooled": True,
        "progress": True,
        "workers": workers,
    }
    if force:
        _clear(folder)
    if engine is Engine.flower:
        from fedot.federation.engine_flower import run_on_ray

        run_on_ray({**run_config, "workers": 0}, n, lambda line: typer.echo(line, err=True))
    else:
        _run_in_process(run_config, n, workers)
    _tell(folder)


def _clear(folder: Path) -> None:
    """Remove what an earlier run wrote and nothing else, so that no old model lingers among the new."""
    found = [*(folder / name for name in OUTPUTS), *(folder / "models").glob("*.safetensors")]
    try:
        for path in found:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise FedotError(f"{error.filename} cannot be overwritten ({error.strerror}); choose another --out") from None


def _run_in_process(run_config: Mapping[str, Value], n: int, workers: int) -> None:
    """Run the ServerApp here, and the ClientApps in `workers` processes."""
    from flwr.app import Context, RecordDict

    from fedot.federation.apps import find_apps
    from fedot.federation.inprocess import InProcessGrid

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
        console.print(f"note: {notice}", style="dim", highlight=False, markup=False)
    if results["provenance"]["stand_in"]:
        console.print(
            "\nBUILT-IN STAND-IN DATA WERE USED: these figures say nothing about the real data sets.\n"
            "Give --data-dir, or let the hub be reached, to run on the real ones.",
            style="bold yellow",
        )
    console.print(f"\nreport: {folder / 'report.html'}\nresults: {folder / 'results.json'}", soft_wrap=True)


def _fail(message: str, code: int = 2) -> None:
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True)
    console.print("error:", style="bold red", end=" ")
    console.print(message, highlight=False, markup=False)
    raise typer.Exit(code)


def main() -> None:
    """Entry point."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    cli()


if __name__ == "__main__":
    main()
