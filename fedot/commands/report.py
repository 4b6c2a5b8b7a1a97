"""Make the report of a run again, or of a folder of runs: ``fedot report OUT``."""

import enum
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from fedot.errors import FedotError
from fedot.terminal.command import command
from fedot.terminal.once import Once

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Format(enum.StrEnum):
    """What figures are written as."""

    svg = "svg"
    pdf = "pdf"
    png = "png"


Figures = Annotated[
    list[Format] | None, typer.Option("--figures", help="Format of the figures; may be given again. All by default.")
]
Columns = Annotated[int, typer.Option(min=1, max=2, help="Columns of a paper that LaTeX tables take.")]


@cli.command(cls=Once)
def report(
    results: Annotated[Path, typer.Argument(help="Output folder of a run, its results.json, or a folder of runs.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write to; the results' own by default.")] = None,
    figures: Figures = None,
    columns: Columns = 2,
    markdown: Annotated[bool, typer.Option("--markdown", help="Only print the table as Markdown.")] = False,
    against: Annotated[
        str, typer.Option(help="Only print differences to a strategy, best-parent or own-parents, as Markdown.")
    ] = "",
    rounds: Annotated[
        str, typer.Option(help="Only print every round's figures over `all` clients or of one, as Markdown.")
    ] = "",
    calibration: Annotated[
        bool, typer.Option("--calibration", help="Only print calibration before and after scaling, as Markdown.")
    ] = False,
) -> None:
    """Write report.html, summary.csv, summary.tex and figures/, and show the table.

    Of a folder of runs each run's are written, and what `fedot compare` writes of them all.
    """
    from fedot.report import load_results
    from fedot.report.files import runs_in

    with command():
        found = runs_in(results)
        runs = {title: load_results(file) for title, file in found.items()}
        printed = _printed(markdown, against, rounds, calibration)
        for title, loaded in runs.items() if printed else ():
            head = f"## {title}\n\n" if len(runs) > 1 else ""
            typer.echo(head + "\n".join(view(loaded) for view in printed), nl=False)
        if not printed:
            places = {title: file.parent for title, file in found.items()}
            if out:
                places = {title: out / title if len(runs) > 1 else out for title in runs}
            formats = [each.value for each in figures or Format]
            _write(runs, places, out or results, formats, columns)


def _printed(markdown: bool, against: str, rounds: str, calibration: bool) -> list[Callable[[Mapping[str, Any]], str]]:
    """Views that are asked for instead of files."""
    from fedot.report import summary_markdown
    from fedot.report.tables.by_round import round_differences_markdown, rounds_markdown
    from fedot.report.tables.calibration_markdown import calibration_markdown
    from fedot.report.tables.differences import paired_markdown

    wanted: list[Callable[[Mapping[str, Any]], str]] = [summary_markdown] if markdown else []
    if rounds and against:
        wanted.append(lambda loaded: round_differences_markdown(loaded, rounds, against))
    elif rounds:
        wanted.append(lambda loaded: rounds_markdown(loaded, rounds))
    elif against:
        wanted.append(lambda loaded: paired_markdown(loaded, against))
    return [*wanted, calibration_markdown] if calibration else wanted


def _write(
    runs: Mapping[str, Mapping[str, Any]],
    places: Mapping[str, Path],
    folder: Path,
    formats: Sequence[str],
    columns: int,
) -> None:
    """Write every run's files and the comparison, and name them."""
    from fedot.report import summary_table
    from fedot.report.files import write_files
    from fedot.report.pages.compare_page import write_comparison

    console = Console()
    for title, loaded in runs.items():
        files = write_files(loaded, places[title], formats, columns)
        console.print(summary_table(loaded, console.width))
        name_files(files)
    if len(runs) > 1:
        try:
            name_files(write_comparison(list(runs.items()), folder, formats, columns))
        except FedotError as error:
            typer.echo(f"no comparison: {error}", err=True)


def name_files(files: Sequence[Path]) -> None:
    """Print the paths of files that were written, the page first."""
    page, *others = files
    typer.echo(f"Wrote {page}")
    for path in others:
        typer.echo(f"      {path}")


def main() -> None:
    """Entry point of ``python -m fedot.report``."""
    cli()
