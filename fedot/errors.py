"""The one exception that is meant for a person to read."""


class FedotError(Exception):
    """A mistake in the user's input, told in one line.

    The message says what was got, what was wanted, where, and what to do. It is shown as it is and may
    cross the wire, so it never holds a text of anybody's data.
    """
