"""One federation for all tests that leave it as it was."""

from collections.abc import Iterator

import pytest

from tests.e2e.federation import Federation, federation

NODES = {"client-0": 0, "client-1": 1}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    with federation(tmp_path_factory.mktemp("federation"), NODES) as found:
        yield found
