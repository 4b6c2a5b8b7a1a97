"""How this process was called, so that records and messages name the command as its user knows it."""

import shlex
import sys
from pathlib import Path


def program() -> str:
    """Name of the program that runs: ``fedot``, ``fedot-simulate``, ``python -m fedot.simulate``.

    Examples
    --------
    >>> " " in program() or "/" not in program()
    True
    """
    spec = getattr(sys.modules["__main__"], "__spec__", None)  # only what is run with -m has one
    return f"python -m {spec.name.removesuffix('.__main__')}" if spec is not None else Path(sys.argv[0]).stem


def command_line() -> str:
    """The whole command, as it can be given to a shell again.

    Examples
    --------
    >>> command_line().startswith(program())
    True
    """
    return f"{program()} {shlex.join(sys.argv[1:])}".rstrip()


def other(part: str) -> str:
    """How another command of fedot is called by whoever called this one so: by its own name, or else by Python's.

    Parameters
    ----------
    part
        The command with its arguments, without the program: ``deploy keys``.

    Examples
    --------
    >>> other("scenarios").endswith("fedot scenarios")
    True
    """
    return f"{'' if program().startswith('fedot') else 'python -m '}fedot {part}"
