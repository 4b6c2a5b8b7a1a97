"""Join finished runs into one page: ``python -m fedot.compare OUT1 OUT2 ... --out DIR``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fedot.errors import FedotError
from fedot.terminal import writable


def main(
    runs: Annotated[list[Path], typer.Argument(help="Output folders of runs, or their results.json.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
) -> None:
    """Write compare.html, compare.csv, compare.tex and figures/*.svg."""
    from fedot.report import compare, load_results

    writable()
    try:
        files = [run / "results.json" if run.is_dir() else run for run in runs]
        page = compare([(file.absolute().parent.name, load_results(file)) for file in files], out)
    except FedotError as error:
        typer.echo(f"fedot: {error}", err=True)
        raise typer.Exit(2) from None
    Console().print(f"Comparison: {page}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
