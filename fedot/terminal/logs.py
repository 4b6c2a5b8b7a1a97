"""Logs, a line a record: with ``FEDOT_LOG=json`` one JSON object each on standard error, else the plain message.

What a message quotes may come from somebody else: so it is made printable here, in the one place where all pass.

Texts, labels and weights never go into a message. What an exception says may quote data: its trace is for whoever runs
this process, and is never sent to another.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from fedot.errors import FedotError
from fedot.text.outside import printable

FORMATS = ("plain", "json")

LONGEST = 2000
"""Characters of a message, or of a line of a trace."""


class PlainFormatter(logging.Formatter):
    """The message on a line; the trace of an error, which is the program's own, below it."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        trace = [_trace(self.formatException(record.exc_info))] if record.exc_info else []
        return "\n".join([printable(record.getMessage(), LONGEST), *trace])


class JsonFormatter(logging.Formatter):
    """Time (UTC, ISO 8601), level, logger, message; `fields` of this process; `round` where a record has it."""

    def __init__(self, fields: dict[str, int | str]) -> None:
        super().__init__()
        self.fields = fields

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry: dict[str, object] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            **self.fields,
            "message": printable(record.getMessage(), LONGEST),
        }
        if hasattr(record, "round"):
            entry["round"] = record.round
        if record.exc_info:
            entry["trace"] = _trace(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def is_json() -> bool:
    """Whether standard error holds one JSON object a line, and nothing else may be written to it."""
    return os.environ.get("FEDOT_LOG") == "json"


class _StandardError(logging.StreamHandler[TextIO]):
    """Write to what is standard error when a record comes: while a line of progress changes, that is above it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        self.stream = sys.stderr
        super().emit(record)


@contextmanager
def logs(**fields: int | str) -> Iterator[None]:
    """Write fedot's log in the format that ``FEDOT_LOG`` names; within another such block, do nothing.

    Plain logs go where the program that runs this has sent them, if it has.

    Parameters
    ----------
    fields
        What every line of this process says, such as ``run`` and ``node``.

    Raises
    ------
    FedotError
        If ``FEDOT_LOG`` names no format.
    """
    chosen = os.environ.get("FEDOT_LOG") or "plain"
    if chosen not in FORMATS:
        raise FedotError(f"FEDOT_LOG is {chosen!r}; choose from {', '.join(FORMATS)}")
    logger = logging.getLogger("fedot")
    handlers = [handler for handler in logger.handlers if isinstance(handler.formatter, PlainFormatter | JsonFormatter)]
    if handlers or (chosen == "plain" and logger.hasHandlers()):
        yield
        return
    handler = _StandardError()
    handler.setFormatter(JsonFormatter(fields) if chosen == "json" else PlainFormatter())
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO if chosen == "json" else logging.WARNING)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def _trace(text: str) -> str:
    """A trace with its lines and their indentation, of which any may quote what somebody else said."""
    lines = [(line, len(line) - len(line.lstrip(" "))) for line in text.split("\n")]
    return "\n".join(" " * indent + printable(line, LONGEST) for line, indent in lines)
