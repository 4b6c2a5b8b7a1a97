import gc
import os

# models are tiny, and a second thread that waits for a busy core makes tests three times slower
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from clients import app
from fedot.federation.client.kept_rows import KeptRows


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
