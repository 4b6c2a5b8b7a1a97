"""The command ``fedot`` and its parts."""

import warnings
from typing import Annotated

import typer

from fedot.commands.check import check
from fedot.commands.compare import compare
from fedot.commands.export import export
from fedot.commands.predict import predict
from fedot.commands.report import report
from fedot.commands.scenarios import cli as scenarios
from fedot.commands.simulate import simulate
from fedot.deploy.__main__ import cli as deploy
from fedot.from_disk.cli import fuse
from fedot.status import status
from fedot.terminal.once import Once
from fedot.version import __version__

cli = typer.Typer(name="fedot", no_args_is_help=True, pretty_exceptions_enable=False)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fedot {__version__}")
        raise typer.Exit


@cli.callback()
def fedot(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Federated learning of text transformers, fused by optimal transport or by reduction."""


for part in (simulate, check, fuse, predict, export, report, compare, status):
    cli.command(cls=Once)(part)
cli.add_typer(scenarios, name="scenarios")
cli.add_typer(deploy, name="deploy")


def main() -> None:
    """Entry point."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    cli()
