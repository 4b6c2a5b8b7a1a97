import gc
import os
from pathlib import Path

# models are tiny, and a second thread that waits for a busy core makes tests three times slower
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from clients import app
from fedot.federation.client.kept_rows import KeptRows

DEFAULT = "not slow and not docker"  # of pyproject.toml
TESTS = Path(__file__).parent


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """A process for each core for the whole suite; one for a part of it, which is done before a second has started.

    Slow tests and those of the compose file start many programs of their own, and have a machine to themselves.
    """
    whole = {Path(each).resolve() for each in config.args} <= {TESTS, TESTS.parent}
    return None if whole and config.option.markexpr == DEFAULT and not config.option.keyword else 0


def pytest_collection_finish() -> None:
    """Keep what is there for good, modules and thousands of tests, out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def forget_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin with a client that knows nothing: some make the stand-in smaller."""
    monkeypatch.setattr(app, "rows", KeptRows())


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave figures empty in pages and files: drawing takes most of their time, and no test of words needs it."""
    from markupsafe import Markup

    from fedot.report.figures import drawing
    from fedot.report.pages import render

    for module in (drawing, render):
        monkeypatch.setattr(module, "whole_figure", lambda _: None)
        monkeypatch.setattr(module, "save", lambda *_: b"<svg/>")
    monkeypatch.setattr(render, "inline", lambda *_: Markup('<svg role="img" aria-label=""></svg>'))
