"""Join finished runs into one page: ``fedot compare OUT1 OUT2 ... --out DIR``."""

from pathlib import Path
from typing import Annotated

import typer

from fedot.commands.report import Columns, Figures, Format, name_files
from fedot.terminal.command import command
from fedot.terminal.once import Once

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command(cls=Once)
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Output folders of runs, or their results.json.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    figures: Figures = None,
    columns: Columns = 2,
) -> None:
    """Write compare.html, compare.csv, compare.tex and figures/."""
    from fedot.report import load_results
    from fedot.report.files import results_in
    from fedot.report.pages.compare_page import write_comparison

    with command():
        files = [results_in(run) for run in runs]
        loaded = [(file.absolute().parent.name, load_results(file)) for file in files]
        name_files(write_comparison(loaded, out, [each.value for each in figures or Format], columns))


def main() -> None:
    """Entry point of ``python -m fedot.compare``."""
    cli()
