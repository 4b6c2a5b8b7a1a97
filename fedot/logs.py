"""Logs for machines: with ``FEDOT_LOG=json`` one JSON object a line on standard error, else Python's plain lines.

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

from fedot.errors import FedotError

FORMATS = ("plain", "json")


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
            "message": record.getMessage(),
        }
        if hasattr(record, "round"):
            entry["round"] = record.round
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


@contextmanager
def logs(**fields: int | str) -> Iterator[None]:
    """Write fedot's log in the format that ``FEDOT_LOG`` names; within another such block, do nothing.

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
    if chosen == "plain" or any(isinstance(handler.formatter, JsonFormatter) for handler in logger.handlers):
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(fields))
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
