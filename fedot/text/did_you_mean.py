"""A name that does not exist, and the nearest one that does."""

import difflib
from collections.abc import Callable, Iterable


def did_you_mean(
    name: str, known: Iterable[str], otherwise: str = "", form: Callable[[str], str] = str, cutoff: float = 0.6
) -> str:
    """Ask whether the nearest known name was meant.

    Parameters
    ----------
    otherwise
        What to say where none is near.
    form
        How the nearest name is shown.
    cutoff
        How alike two names must be, 0 to 1 (`difflib.get_close_matches`).

    Examples
    --------
    >>> did_you_mean("encodr", ["encoder", "decoder"]), did_you_mean("x", ["encoder"], "choose from encoder")
    ('did you mean encoder?', 'choose from encoder')
    """
    near = difflib.get_close_matches(name, list(known), 1, cutoff)
    return f"did you mean {form(near[0])}?" if near else otherwise
