import os

# models are tiny, and a second thread that waits for a busy core makes tests three times slower
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from clients import app
from fedot.federation.client.kept_rows import KeptRows


@pytest.fixture(autouse=True)
def forget_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin with a client that knows nothing: some make the stand-in smaller."""
    monkeypatch.setattr(app, "rows", KeptRows())
