"""Live progress on the console."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


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
        task = bar.add_task("starting", total=total, name=name)

        def advance(phase: str, work: float) -> None:
            bar.update(task, description=phase, advance=work)
            if plain and work:
                done = bar.tasks[0].percentage
                console.print(f"{name}: {done:3.0f} % {phase}", highlight=False)

        yield advance
