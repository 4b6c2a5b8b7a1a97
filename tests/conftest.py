import os
from collections.abc import Iterator

# models are tiny, and a second thread that waits for a busy core makes tests three times slower
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from fedot.data import load
from fedot.federation.client import handlers as client


@pytest.fixture(autouse=True)
def forget_data() -> Iterator[None]:
    """Clear what a process keeps of data sets: some tests make the stand-in smaller, and others must not see that."""
    yield
    for kept in (load._corpus, client._load, client._own_tokenizer, client._encode):
        kept.cache_clear()
