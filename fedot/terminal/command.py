"""What all commands have in common: they end in one line and an exit code, whatever happens, on any terminal."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from types import FrameType

import typer

from fedot.errors import FedotError, lines_of
from fedot.text.outside import printable

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that end a command as Ctrl-C does: what is finished is written, and the exit code is 128 and their number."""

PATIENCE = 10.0
"""Seconds after one of them in which another changes nothing, since the command is about to end."""

LONGEST = 2000
"""Characters of an error that are shown."""


class Interrupted(KeyboardInterrupt):
    """Somebody wants this command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextlib.contextmanager
def command(prefix: str = "fedot: ", interrupted: str = "nothing was written") -> Iterator[None]:
    """Run the body of a command; say in one line on standard error what ends it early, and exit.

    Exit code 2 is for what is wrong with the input or the machine, 128 and a signal's number for a signal.

    Parameters
    ----------
    prefix
        How the line begins.
    interrupted
        What to say of the results where a signal ends the command.
    """
    _soften()
    with _signals() as received:
        try:
            yield
            sys.stdout.flush()
        except BaseException as error:
            if isinstance(error, BrokenPipeError) and not received:  # whoever read this has gone, which is no mistake
                _mute()
                raise SystemExit(128 + signal.SIGPIPE) from None
            told = _told(error, received, interrupted)
            if told is None:
                raise
            with contextlib.suppress(OSError):  # the terminal may be gone
                for line in told[0]:
                    typer.echo(typer.style(prefix, fg="red", bold=True) + printable(line, LONGEST), err=True)
            raise SystemExit(told[1]) from None


def _told(error: BaseException, received: list[int], interrupted: str) -> tuple[tuple[str, ...], int] | None:
    """What to say of an exception, a line each, and the exit code; None for mistakes in the program and plain exits."""
    if isinstance(error, KeyboardInterrupt) or (received and isinstance(error, OSError)):
        number = received[0] if received else signal.SIGINT
        by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
        return (f"interrupted{by}; {interrupted}",), 128 + number
    if isinstance(error, FedotError):
        return lines_of(error), 2
    if isinstance(error, OSError):
        where = f"{printable(error.filename)}: " if error.filename else ""
        return (f"{where}{error.strerror or type(error).__name__}",), 2
    return None


def _soften() -> None:
    r"""Let a terminal that cannot show a character show its number in its place: ``\u597d``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _mute() -> None:
    """Let nothing more be written to standard output, where even closing it would fail."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Raise `Interrupted` at a signal of `ENDING`; give the list of those that came.

    What was to be ignored from the start, as `nohup` does it, stays so.
    """
    received: list[int] = []
    until = 0.0

    def end(number: int, _: FrameType | None) -> None:
        nonlocal until
        if time.monotonic() < until:
            return
        received.append(number)
        until = time.monotonic() + PATIENCE
        raise Interrupted(number)

    before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
        before = {each: signal.getsignal(each) for each in numbers if signal.getsignal(each) != signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, end)
        yield received
    finally:
        for number, handler in before.items():  # one that comes while the interpreter ends would make it complain
            signal.signal(number, signal.SIG_IGN if received else handler)
