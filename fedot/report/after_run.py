"""The report of a run is drawn when the run is over, and cards of its models written, by the command that waited."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from fedot.errors import FedotError


@contextlib.contextmanager
def report_at_the_end(folder: Path) -> Iterator[None]:
    """Draw ``report.html`` from the ``results.json`` that the body writes into a folder, however the body ends.

    Folders of fine-tuned checkpoints get their model cards.

    Where it wrote none, or the folder is another user's, nothing is drawn. What ends the body is not hidden by an error
    in drawing.

    Raises
    ------
    FedotError
        If the results cannot be read, or the page not be written.
    """
    file = folder / "results.json"
    before = written_at(file)
    try:
        yield
    except BaseException:
        with contextlib.suppress(FedotError):
            _draw(file, before)
        raise
    _draw(file, before)


def _draw(file: Path, before: int | None) -> None:
    if written_at(file) not in (None, before) and os.access(file.parent, os.W_OK):
        from fedot.report import load_results, write_report
        from fedot.report.write_cards import write_cards

        results = load_results(file)
        write_report(results, file.parent)
        write_cards(results, file.parent)


def written_at(file: Path) -> int | None:
    """When a file was last written; None where there is none, or none that can be seen from here."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None
