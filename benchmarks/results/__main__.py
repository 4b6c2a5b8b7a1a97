"""Commands: `collect` keeps what a run or a benchmark found, `pages` makes the pages again."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.results import store
from benchmarks.results.pages import PAGES, RESULTS, ROOT, differing, pages
from fedot.errors import FedotError
from fedot.storage.atomic import write_bytes
from fedot.terminal.command import command as ending_in_one_line

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="Keep results, and make their pages.")


@cli.command("collect")
def collect_study(
    study: Annotated[str, typer.Argument(help="Name of the study; benchmarks/results/studies.py has all.")],
    sources: Annotated[
        list[Path], typer.Argument(help="Output folders of runs (also with variants), or folders or files of scores.")
    ],
    code: Annotated[Path, typer.Option(help="Of scores: checkout of the code that ran.")] = ROOT,
    command: Annotated[str, typer.Option(help="Of scores: the command that ran, if not the study's own.")] = "",
    dirty: Annotated[bool, typer.Option("--dirty", help="Allow code that is in no commit.")] = False,
) -> None:
    """Reduce results to what their page needs, and write them to results/STUDY/."""
    from benchmarks.results.collect import collect  # which loads torch; pages are made without

    with ending_in_one_line():
        for source in sources:
            for kept in collect(source, study, code=code, command=command, dirty=dirty):
                path = RESULTS / study / f"{kept.name}.json"
                store.write(path, kept.stamp, kept.values)
                typer.echo(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


@cli.command("pages")
def write_pages(
    check: Annotated[bool, typer.Option("--check", help="Only tell which pages differ from the data.")] = False,
) -> None:
    """Write docs/results/ from results/."""
    with ending_in_one_line():
        if check:
            if wrong := differing(RESULTS, PAGES):
                raise FedotError(f"{', '.join(wrong)} differ from results/; run python -m benchmarks.results pages")
            return
        made = pages(RESULTS)
        for name, content in made.items():
            write_bytes(PAGES / name, content)
        typer.echo(f"{', '.join(made)} in {PAGES.relative_to(ROOT)}")


if __name__ == "__main__":
    cli()
