"""Flower's SuperLink, with more patience for its database.

    python -m fedot.deploy.superlink [options of flower-superlink]

The SuperLink keeps messages in SQLite, and answers with an error 500 when it has waited five seconds for the database's
lock. A disk that is busy with large models makes it wait longer, and whoever asked does not ask again: a server, a
SuperNode or an executor fails, and the run with it. Here it waits for five minutes. Tried with flwr 1.41 and 1.42.
"""

from flwr.supercore import sql_mixin
from flwr.superlink.cli import flower_superlink

PATIENCE = 300_000  # milliseconds


def wait_longer() -> None:
    """Let every connection to the database that is opened from now on wait for its lock."""
    pragmas = {**dict(sql_mixin.SQLITE_PRAGMAS), "busy_timeout": str(PATIENCE)}
    setattr(sql_mixin, "SQLITE_PRAGMAS", tuple(pragmas.items()))  # noqa: B010 - its type says how many there are


if __name__ == "__main__":
    wait_longer()
    flower_superlink()
