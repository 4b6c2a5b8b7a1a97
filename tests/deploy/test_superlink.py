"""A SuperLink that waits for its database."""

import os
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from flwr.supercore import sql_mixin
from sqlalchemy import MetaData, text
from sqlalchemy.exc import OperationalError

from fedot.deploy.keys import make_owner
from fedot.deploy.superlink import PATIENCE
from fedot.wire.flower_private import wait_for_database


class Store(sql_mixin.SqlMixin):
    """A database of Flower's making, without its tables."""

    def get_metadata(self) -> MetaData | None:
        return None

    def write(self, number: int) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(f"INSERT INTO kept VALUES ({number})"))


@pytest.fixture
def impatient(monkeypatch):
    """Flower's settings, with a tenth of a second for the lock so that the test takes no time."""
    assert int(dict(sql_mixin.SQLITE_PRAGMAS)["busy_timeout"]) < 60_000  # else it is patient by itself
    pragmas = {**dict(sql_mixin.SQLITE_PRAGMAS), "busy_timeout": "100"}
    monkeypatch.setattr(sql_mixin, "SQLITE_PRAGMAS", tuple(pragmas.items()))
    return pragmas


def write_while_locked(path, seconds):
    store = Store(str(path))
    store.initialize()
    other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    other.execute("CREATE TABLE IF NOT EXISTS kept (number INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(seconds, lambda: other.execute("COMMIT"))
    release.start()
    began = time.monotonic()
    try:
        store.write(7)
    finally:
        release.join()
    return time.monotonic() - began, other.execute("SELECT number FROM kept").fetchall()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the library that makes Flower's tables
def test_a_locked_database_is_waited_for(tmp_path, impatient):
    with pytest.raises(OperationalError, match="database is locked"):
        write_while_locked(tmp_path / "a.db", 2)
    wait_for_database(PATIENCE)
    waited, rows = write_while_locked(tmp_path / "b.db", 2)
    assert waited > 1
    assert rows == [(7,)]


def test_other_settings_stay(impatient):
    wait_for_database(PATIENCE)
    assert dict(sql_mixin.SQLITE_PRAGMAS) == {**impatient, "busy_timeout": "300000"}


@pytest.mark.parametrize("launcher", ["superlink", "supernode"])
def test_started_by_hand_it_does_not_phone_home(launcher, tmp_path):
    """Whatever the surroundings say; Flower reads this when it is imported."""
    make_owner(tmp_path, tmp_path / "owner")
    code = (
        "import sys, runpy, atexit\n"
        f"sys.argv = ['x', '--trusted-entities', {str(tmp_path / 'trusted.yaml')!r}, '--version']\n"
        "def told():\n"
        "    from flwr.supercore import telemetry, update_check\n"
        "    print('telemetry', telemetry.FLWR_TELEMETRY_ENABLED)\n"
        "atexit.register(told)\n"
        f"runpy.run_module('fedot.deploy.{launcher}', run_name='__main__')\n"
    )
    surroundings = {**os.environ, "FLWR_TELEMETRY_ENABLED": "1", "FLWR_HOME": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=60, check=False)
    assert "Flower version" in done.stdout, done.stderr
    assert "telemetry 0" in done.stdout
