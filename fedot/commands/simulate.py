"""``fedot simulate SCENARIO``: run a scenario on this machine and report on it."""

import enum
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from fedot.commands.next_steps import next_steps, shown
from fedot.errors import FedotError
from fedot.run.local import LocalRun, LocalSettings, join_runs, load_ahead, plan_runs, quiet, run_locally
from fedot.run.scenario_mistakes import check_settings
from fedot.terminal.called import command_line
from fedot.terminal.command import command
from fedot.terminal.logs import is_json, logs
from fedot.terminal.once import Once
from fedot.text.outside import printable
from fedot.tracking import check_tools

MOST_NOTICES = 12
"""So many lines of what is to be known are printed."""


class Engine(enum.StrEnum):
    """Who carries the messages."""

    inprocess = "inprocess"
    flower = "flower"


class Device(enum.StrEnum):
    """What to compute on."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Tool(enum.StrEnum):
    """Where results can be written besides the output folder."""

    tensorboard = "tensorboard"
    mlflow = "mlflow"


cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command(cls=Once)
def simulate(
    scenario: Annotated[
        Path, typer.Argument(help="A scenario file, or the name of one that comes along, for example quickstart.")
    ],
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
    track: Annotated[
        list[Tool] | None, typer.Option(help="Also write the results for this tool; repeatable, beside `tracking:`.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Train every model, and keep none.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an earlier run in the output folder.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run of the same scenario.")
    ] = False,
    timings: Annotated[bool, typer.Option("--timings", help="Also tell where time and memory went.")] = False,
) -> None:
    """Run SCENARIO with all of its clients on this machine, print a table, and write a report."""
    quiet()
    with command("error: ", "what was finished is in the output folder, marked as incomplete"):
        if force and resume:
            raise FedotError("--force starts again and --resume goes on; give one of them")
        if cache is not None and no_cache:
            raise FedotError("--cache and --no-cache are given; give one of them")
        from fedot.scenario.shipped import find_scenario

        scenario = find_scenario(scenario)
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
            tracking=tuple(tool.value for tool in track or []),
            command=command_line(),
            timings=timings,
        )
        check_tools(tool for run in runs for tool in (*run.scenario.tracking, *settings.tracking))
        _begin(runs, folder)
        load_ahead(settings)
        check_settings(scenario, [(run.scenario, run.overrides) for run in runs], data_dir)
        for run in runs:
            run_locally(run, settings, _say)
            _tell(run.folder)
        if len(runs) > 1:
            typer.echo(f"all variants: {shown(join_runs(runs, folder))}")


def _begin(runs: Sequence[LocalRun], folder: Path) -> None:
    """Say what begins, before anything is loaded that takes its time."""
    variants = f", {len(runs)} variants" if len(runs) > 1 else ""
    _say(f"{runs[0].about}{variants}; results go to {shown(folder)}")


def _say(line: str) -> None:
    """Tell a line of how it goes, on standard error, as the log is written."""
    if is_json():
        with logs():
            logging.getLogger("fedot.simulate").info("%s", line)
    else:
        typer.echo(printable(line, 1000), err=True)


def _tell(folder: Path) -> None:
    """Print the table, what to know about the data, what came out, where everything is, and what to do next."""
    from rich.console import Console

    from fedot.report import load_results, summary_table
    from fedot.report.analysis.findings import findings
    from fedot.report.tables.timings import timing_lines, timing_table
    from fedot.results.notices import is_of_stand_in, notices_of, stand_in_sentence

    results = load_results(folder / "results.json")
    console = Console()

    def say(text: str, style: str = "", whole: bool = False) -> None:
        console.print(text, style=style, highlight=False, markup=False, soft_wrap=whole)

    console.print(summary_table(results, console.width))
    say("")
    lines = [line for line in notices_of(results) if not is_of_stand_in(line, results)]
    for line in lines[:MOST_NOTICES]:
        say(f"note: {printable(line, 1000)}", "dim")
    if len(lines) > MOST_NOTICES:
        say(f"note: {len(lines) - MOST_NOTICES} more are in the report", "dim")
    made_up = stand_in_sentence(results)
    if made_up:
        say(f"STAND-IN DATA: {printable(made_up, 1000)}", "yellow")
    if lines or made_up:
        say("")
    say(printable(findings(results).headline, 1000), "bold")
    if (timings := timing_lines(results)) is not None:
        say("")
        console.print(timing_table(timings))
    say(f"\nreport:  {shown(folder / 'report.html')}\nresults: {shown(folder / 'results.json')}", whole=True)
    say("next:", whole=True)
    for step in next_steps(results, folder):
        say(f"  {step}", whole=True)


def main() -> None:
    """Entry point of ``python -m fedot.simulate``."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    cli()
