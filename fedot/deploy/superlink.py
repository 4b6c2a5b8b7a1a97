"""Flower's SuperLink, with more patience for its database.

    python -m fedot.deploy.superlink [options of flower-superlink]

The SuperLink keeps messages in SQLite, and answers with an error 500 when it has waited five seconds for the database's
lock. A disk that is busy with large models makes it wait longer, and whoever asked does not ask again: a server, a
SuperNode or an executor fails, and the run with it. Here it waits for five minutes. Tried with flwr 1.41 and 1.42.

Whoever reaches its port can start runs: let it listen where the study's owner alone is, on 127.0.0.1 for example, and
start `python -m fedot.deploy front` for the SuperNodes.
"""

import os

from fedot.federation.engines.flower_cli import flower_settings

PATIENCE = 300_000
"""Milliseconds to wait for the database's lock."""


def main() -> None:
    """Entry point."""
    os.environ.update(flower_settings())  # before Flower is imported
    from fedot.wire.flower_private import run_superlink, wait_for_database

    wait_for_database(PATIENCE)
    run_superlink()


if __name__ == "__main__":
    main()
