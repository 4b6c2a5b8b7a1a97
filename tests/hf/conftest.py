from importlib.util import find_spec

import pytest

if find_spec("transformers") is None:
    collect_ignore_glob = ["test_*.py"]  # the extra `hf` is not installed


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Each variant, saved by its own library once."""
    from tests.hf.models import VARIANTS, folder_of

    root = tmp_path_factory.mktemp("hf")
    return {name: folder_of(name, root / name) for name in VARIANTS}


@pytest.fixture(scope="session")
def logits(folders):
    """What its own class computes from each of these folders, in float64."""
    from tests.hf.models import reload, run

    return {name: run(reload(folder)) for name, folder in folders.items()}
