from importlib.util import find_spec

import pytest

if find_spec("transformers") is None:
    collect_ignore_glob = ["test_*.py"]  # the extra `hf` is not installed


class Made(dict):
    """A dictionary whose values are made when they are first asked for."""

    def __init__(self, make):
        super().__init__()
        self.make = make

    def __missing__(self, name):
        self[name] = self.make(name)
        return self[name]


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Each variant, saved by its own library once."""
    from tests.hf.models import folder_of

    root = tmp_path_factory.mktemp("hf")
    return Made(lambda name: folder_of(name, root / name))


@pytest.fixture(scope="session")
def logits(folders):
    """What its own class computes from each of these folders, in float64."""
    from tests.hf.models import reload, run

    return Made(lambda name: run(reload(folders[name])))
