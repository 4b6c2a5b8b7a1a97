"""A SuperLink that waits for its database."""

import sqlite3
import threading
import time

import pytest
from flwr.supercore import sql_mixin
from sqlalchemy import MetaData, text
from sqlalchemy.exc import OperationalError

from fedot.deploy import superlink


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
    superlink.wait_longer()
    waited, rows = write_while_locked(tmp_path / "b.db", 2)
    assert waited > 1
    assert rows == [(7,)]


def test_other_settings_stay(impatient):
    superlink.wait_longer()
    assert dict(sql_mixin.SQLITE_PRAGMAS) == {**impatient, "busy_timeout": "300000"}
