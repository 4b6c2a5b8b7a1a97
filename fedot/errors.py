"""What is meant for a person to read: one mistake, or several at once."""

from collections.abc import Iterable


class FedotError(Exception):
    """A mistake in the user's input, told in one line.

    The message says what was got, what was wanted, where, and what to do. It is shown as it is and may
    cross the wire, so it never holds a text of anybody's data.
    """


class MistakesError(FedotError):
    """Several mistakes that were found together, one line each; the message has them all, with semicolons between.

    Attributes
    ----------
    lines
        The mistakes, each once.

    Examples
    --------
    >>> str(MistakesError(["one", "two", "one"]))
    'one; two'
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(dict.fromkeys(lines))
        super().__init__("; ".join(self.lines))


def lines_of(error: FedotError) -> tuple[str, ...]:
    """Every mistake that an error tells, one line each.

    Examples
    --------
    >>> lines_of(FedotError("one"))
    ('one',)
    """
    return error.lines if isinstance(error, MistakesError) else (str(error),)
