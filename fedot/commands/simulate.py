"""``fedot simulate SCENARIO``: run a scenario on this machine and report on it."""

import enum
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from fedot.errors import FedotError
from fedot.run.local import LocalRun, LocalSettings, plan_runs, quiet, run_locally
from fedot.terminal.command import command
from fedot.text.outside import printable


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
    quiet()
    with command("error: ", "what was finished is in the output folder, marked as incomplete"):
        if force and resume:
            raise FedotError("--force starts again and --resume goes on; give one of them")
        if cache is not None and no_cache:
            raise FedotError("--cache and --no-cache are given; give one of them")
        runs, folder = plan_runs(
            scenario,
            out,
            profile=profile,
            variant=variant,
            overrides=[*(set_ or []), *([f"seeds=[{seeds}]"] if seeds else [])],
            over_earlier=force or resume,
            data_dir=data_dir,
        )
        settings = LocalSettings(
            scenario,
            data_dir,
            engine=engine.value,
            device=device.value,
            workers=workers,
            cache=cache,
            keep=not no_cache,
            resume=resume,
            force=force,
            command=shlex.join(["python", "-m", "fedot.simulate", *sys.argv[1:]]),
        )
        for run in runs:
            run_locally(run, settings, lambda line: typer.echo(printable(line, 1000), err=True))
            _tell(run.folder)
        if len(runs) > 1:
            _join(folder, runs)


def _join(folder: Path, runs: Sequence[LocalRun]) -> None:
    """Put the variants side by side on one page."""
    from fedot.report import compare, load_results

    page = compare([(run.title, load_results(run.folder / "results.json")) for run in runs], folder)
    typer.echo(f"all variants: {page}")


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
    """Entry point of ``python -m fedot.simulate``."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    cli()
