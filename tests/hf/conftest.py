import pytest

from tests.hf.models import VARIANTS, folder_of, reload, run


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Each variant, saved by its own library once."""
    root = tmp_path_factory.mktemp("hf")
    return {name: folder_of(name, root / name) for name in VARIANTS}


@pytest.fixture(scope="session")
def logits(folders):
    """What its own class computes from each of these folders, in float64."""
    return {name: run(reload(folder)) for name, folder in folders.items()}
