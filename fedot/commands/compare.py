"""Join finished runs into one page: ``fedot compare OUT1 OUT2 ... --out DIR``."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fedot.terminal.command import command

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Output folders of runs, or their results.json.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
) -> None:
    """Write compare.html, compare.csv, compare.tex and figures/."""
    from fedot.report import compare as compared
    from fedot.report import load_results

    with command():
        files = [run / "results.json" if os.path.isdir(run) else run for run in runs]
        page = compared([(file.absolute().parent.name, load_results(file)) for file in files], out)
        Console().print(f"Comparison: {page}", markup=False, soft_wrap=True)


def main() -> None:
    """Entry point of ``python -m fedot.compare``."""
    cli()
