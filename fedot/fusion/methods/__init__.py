"""Fusion methods by name, one a file; add yours to `METHODS`."""

import difflib

from fedot.errors import FedotError
from fedot.fusion.methods.aligned import aligned
from fedot.fusion.methods.auto import auto
from fedot.fusion.methods.merged import merged
from fedot.fusion.methods.types import Fused, Method
from fedot.fusion.methods.vanilla import vanilla

__all__ = ["METHODS", "Fused", "Method", "method"]

METHODS: dict[str, Method] = {
    "aligned": aligned,
    "auto": auto,
    "merged": merged,
    "vanilla": vanilla,
}


def method(name: str) -> Method:
    """Look a fusion method up by name.

    Raises
    ------
    FedotError
        If there is none of that name.
    """
    if name not in METHODS:
        near = difflib.get_close_matches(name, METHODS, 1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(METHODS)}"
        raise FedotError(f"fusion.method is {name!r}, which is no fusion method; {hint}")
    return METHODS[name]
