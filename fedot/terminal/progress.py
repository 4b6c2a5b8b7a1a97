"""Live progress on the console."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from fedot.text.outside import printable


@contextmanager
def track(name: str, total: float, *, visible: bool) -> Iterator[Callable[[str, float], None]]:
    """Show a bar with the phase, the time gone and the time left; call the result with (phase, work done).

    Where the output is no terminal, each step is one plain line instead.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("[bold]{task.fields[name]}"),
        BarColumn(24),
        TaskProgressColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    plain = visible and not console.is_terminal
    with Progress(*columns, console=console, disable=plain or not visible, speed_estimate_period=600) as bar:
        task = bar.add_task("starting", total=total, name=escape(printable(name)))

        def advance(phase: str, work: float) -> None:
            shown = printable(phase)
            bar.update(task, description=escape(shown), advance=work)
            if plain and work:
                done = bar.tasks[0].percentage
                console.print(f"{printable(name)}: {done:3.0f} % {shown}", highlight=False, markup=False)

        yield advance
