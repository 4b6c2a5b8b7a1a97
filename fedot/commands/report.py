"""Make the report of a run again: ``fedot report OUT``."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fedot.terminal.command import command

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def report(
    results: Annotated[Path, typer.Argument(help="Output folder of a run, or its results.json.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write to; the results' own by default.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Only print the table as Markdown.")] = False,
    against: Annotated[
        str, typer.Option(help="Only print differences to a strategy, best-parent or own-parents, as Markdown.")
    ] = "",
    rounds: Annotated[
        str, typer.Option(help="Only print every round's figures over `all` clients or of one, as Markdown.")
    ] = "",
) -> None:
    """Write report.html, summary.csv, summary.tex and figures/ (SVG, PDF, PNG), and show the table."""
    from fedot.report import load_results, summary_markdown, summary_table, write_csv, write_latex, write_report
    from fedot.report.figures.one_run import write_figures
    from fedot.report.tables.by_round import round_differences_markdown, rounds_markdown
    from fedot.report.tables.differences import paired_markdown

    with command():
        file = results / "results.json" if os.path.isdir(results) else results
        loaded = load_results(file)
        if markdown:
            typer.echo(summary_markdown(loaded), nl=False)
        if rounds and against:
            typer.echo(round_differences_markdown(loaded, rounds, against), nl=False)
        elif rounds:
            typer.echo(rounds_markdown(loaded, rounds), nl=False)
        elif against:
            typer.echo(paired_markdown(loaded, against), nl=False)
        if markdown or against or rounds:
            return
        folder = out or file.parent
        page = write_report(loaded, folder)
        write_csv(loaded, folder / "summary.csv")
        write_latex(loaded, folder / "summary.tex")
        write_figures(loaded, folder / "figures")
        console = Console()
        console.print(summary_table(loaded, console.width))
        console.print(f"Report: {page}", markup=False, soft_wrap=True)


def main() -> None:
    """Entry point of ``python -m fedot.report``."""
    cli()
