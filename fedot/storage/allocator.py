"""Memory that is free again, but that the C library keeps for later."""

import ctypes
from functools import cache
from typing import Any


def give_back() -> None:
    """Hand free memory back to the system, where the C library can (glibc); it takes milliseconds.

    A model's tensors that are freed between others that stay would else count as used, and the next model is put beside
    them.

    Examples
    --------
    >>> give_back()
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None)
    except (OSError, TypeError):  # there is no such thing on this system
        return None
