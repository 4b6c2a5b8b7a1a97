"""Text that is written on the spot where a data set cannot be had: seeded sentences and captions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MARK = "BUILT-IN STAND-IN DATA"
"""How the notice of made-up data begins."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """Rows in place of a data set's.

    Attributes
    ----------
    train, test
        Columns by name: texts (n,), and numbers of classes (n,) under ``label``.
    notices
        One line for everything a reader of the results should know of them.
    """

    train: Mapping[str, Any]
    test: Mapping[str, Any]
    notices: tuple[str, ...] = ()
