"""Flower's SuperLink, with more patience for its database.

    python -m fedot.deploy.superlink [options of flower-superlink]

The SuperLink keeps messages in SQLite, and answers with an error 500 when it has waited five seconds for the database's
lock. A disk that is busy with large models makes it wait longer, and whoever asked does not ask again: a server, a
SuperNode or an executor fails, and the run with it. Here it waits for five minutes. Tried with flwr 1.41 and 1.42.

Whoever reaches its port can start runs: let it listen where the study's owner alone is, on 127.0.0.1 for example, and
start `python -m fedot.deploy front` for the SuperNodes.
"""

import os

from fedot.federation.engines.flower_cli import QUIET

PATIENCE = 300_000  # milliseconds
SETTINGS = "SQLITE_PRAGMAS"  # a private part of Flower's, which has no option for it


def wait_longer() -> None:
    """Let every connection to the database that is opened from now on wait for its lock."""
    from flwr.supercore import sql_mixin

    pragmas = {**dict(getattr(sql_mixin, SETTINGS)), "busy_timeout": str(PATIENCE)}
    setattr(sql_mixin, SETTINGS, tuple(pragmas.items()))


def main() -> None:
    """Entry point."""
    os.environ.update(QUIET)  # before Flower is imported
    wait_longer()
    from flwr.superlink.cli import flower_superlink

    flower_superlink()


if __name__ == "__main__":
    main()
