"""``fedot scenarios``: those that come along, by name, and ``fedot scenarios copy NAME``: one to edit."""

import os
from pathlib import Path
from typing import Annotated

import typer

from fedot.errors import FedotError
from fedot.storage.atomic import write_bytes
from fedot.terminal.called import other
from fedot.terminal.command import command
from fedot.terminal.once import Once

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help="Scenarios that come along.")


def _names(begun: str) -> list[str]:
    """Names that the shell completes."""
    from fedot.scenario.shipped import shipped_scenarios

    return [name for name in shipped_scenarios() if name.startswith(begun)]


@cli.callback(invoke_without_command=True)
def scenarios(context: typer.Context) -> None:
    """List the scenarios that come along, each with its question and the time that it takes on two free cores."""
    if context.invoked_subcommand is not None:
        return
    from fedot.scenario.shipped import shipped_scenarios

    with command():
        found = shipped_scenarios()
        if not found:
            raise FedotError("no scenario has come along with this fedot; install it again, or clone the repository")
        for each in found.values():
            typer.echo(f"{each.name}\n    {each.question}{f' ({each.time})' if each.time else ''}")


@cli.command(cls=Once)
def copy(
    name: Annotated[str, typer.Argument(help="Name of a scenario that comes along.", autocompletion=_names)],
    to: Annotated[Path | None, typer.Option(help="File or folder to write to; NAME.yaml here by default.")] = None,
) -> None:
    """Write a scenario that comes along to a file, to be edited; a file that is there stays as it is."""
    from fedot.scenario.shipped import shipped_scenario

    with command():
        found = shipped_scenario(name)
        path = Path(found.path.name) if to is None else to / found.path.name if to.is_dir() else to
        if os.path.lexists(path):
            raise FedotError(f"{path} exists already, and is not overwritten; choose another file with --to")
        write_bytes(path, found.path.read_bytes())
        typer.echo(f"{path}: edit it, then run it with `{other(f'simulate {path}')}`")
