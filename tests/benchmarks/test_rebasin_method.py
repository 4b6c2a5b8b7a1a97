"""The package `rebasin` is optional, and taken only where it is exact."""

import sys
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import pytest
import torch

from benchmarks import rebasin_method
from benchmarks.rebasin_method import PROJECTIONS, UNPADDED, fuse_package, permute
from fedot.errors import FedotError
from fedot.models import build_model, load_model, model_config, state_of, symmetry

CONFIG = model_config({"name": "encoder", "d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 12, "max_length": 6}, 20, 2)
IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])


def models():
    return [build_model(CONFIG, seed) for seed in (0, 1)]


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rebasin", None)
    with pytest.raises(FedotError, match="pip install rebasin"):
        permute(*models(), UNPADDED, IDS)


class Package(ModuleType):
    """What `permute` takes of the package; it fails at once."""

    def PermutationCoordinateDescent(self, *_):  # noqa: N802
        raise RuntimeError("it stumbles\nover something")


def test_what_the_package_stumbles_over_is_its_result(monkeypatch):
    monkeypatch.setitem(sys.modules, "rebasin", Package("rebasin"))
    assert permute(*models(), UNPADDED, IDS).error == "RuntimeError: it stumbles"


def test_that_signals_need_the_main_thread_is_no_result_of_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "rebasin", Package("rebasin"))
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="main thread"):
        pool.submit(permute, *models(), UNPADDED, IDS).result()


@pytest.mark.skipif(not rebasin_method.installed(), reason="the package rebasin is not installed")
@pytest.mark.filterwarnings("default")
def test_neurons_are_permuted_exactly_and_heads_are_not():
    home, source = models()
    trial = permute(home, source, UNPADDED, IDS)
    assert trial.exact
    assert {name.split(".")[2] for name in trial.moved} == {"ffn"}
    pairs = [(state_of(model), CONFIG) for model in models()]
    result = fuse_package(pairs, [symmetry(CONFIG)] * 2, UNPADDED, IDS)
    assert load_model(result.config, result.state)(IDS).shape == (2, 2)
    with pytest.raises(FedotError, match="changes logits"):
        fuse_package(pairs, [symmetry(CONFIG)] * 2, PROJECTIONS, IDS)
