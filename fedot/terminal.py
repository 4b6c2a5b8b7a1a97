"""Where commands print to: a terminal or a pipe, whose encoding may lack letters."""

import io
import sys


def writable() -> None:
    r"""Let standard output and error take every text; a letter that their encoding lacks is written as ``\u597d``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
