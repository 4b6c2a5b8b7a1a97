"""Large models are fused part by part, with the same result."""

import importlib

import numpy as np
import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.by_part import fuse_parts as streaming_module
from fedot.fusion.by_part import large
from fedot.fusion.by_part.split import blocks
from fedot.models import MODELS
from fedot.storage.stored_state import StoredState
from tests.fusion.test_streaming import family

OWN = [name for name, kind in MODELS.items() if kind.whole_in_state]
"""Architectures of fedot's own: a checkpoint is one only with its folder."""

fuse_module = importlib.import_module("fedot.fusion.fuse")  # the package has a function of the same name


@pytest.fixture
def as_if_large(monkeypatch):
    """Treat every model as a large one, in blocks of few rows, and tell how many were fused so."""
    seen = []
    whole = fuse_module.fuse_large
    monkeypatch.setattr(fuse_module, "fuse_large", lambda *args: seen.append(1) or whole(*args))
    monkeypatch.setattr(streaming_module, "blocks", lambda spec, tensors: blocks(spec, tensors, 160))

    def switch(*, on):
        monkeypatch.setattr(large, "LARGE", 1 if on else 10**9)

    switch.seen = seen
    return switch


@pytest.mark.parametrize("options", [{}, {"mass": "l2", "solver": "partial"}, {"anchor": "medoid"}])
@pytest.mark.parametrize("arch", OWN)
def test_large_models_give_the_same_result(arch, options, as_if_large):
    states, configs, rest = family(arch, "layer")
    models, config = list(zip(states, configs, strict=True)), FusionConfig(method="aligned", **options)
    as_if_large(on=False)
    one = fuse(models, config=config, **rest)
    as_if_large(on=True)
    two = fuse(models, config=config, **rest)
    assert len(as_if_large.seen) == 1
    assert all(isinstance(each, StoredState) for each in two.aligned)  # of whole models only the fused one takes memory
    assert (one.anchor, one.config, one.vocabulary) == (two.anchor, two.config, two.vocabulary)
    for left, right in zip((one.state, *one.aligned), (two.state, *two.aligned), strict=True):
        assert set(left) == set(right)
        for name, tensor in left.items():
            torch.testing.assert_close(tensor, right[name], rtol=1e-5, atol=1e-6)
    for k in range(3):
        left, right = one.alignments[k].couplings, two.alignments[k].couplings
        assert set(left) == set(right)
        for name, each in left.items():
            np.testing.assert_allclose(each.plan, right[name].plan, atol=1e-6)
        left, right = one.diagnostics[k], two.diagnostics[k]
        assert list(left.groups) == list(right.groups)
        assert left.fit == pytest.approx(right.fit, abs=1e-5)
        for name, each in left.groups.items():
            other = right.groups[name]
            assert (each.kind, each.pinned, each.source_size) == (other.kind, other.pinned, other.source_size)
            for key in ("cost", "distance_from_identity", "entropy", "fit"):
                assert getattr(each, key) == pytest.approx(getattr(other, key), abs=1e-5), (name, key)


@pytest.mark.parametrize("options", [{"method": "theus"}, {"method": "aligned", "mass": "token-count"}])
def test_what_needs_whole_models_is_done_at_once(options, as_if_large):
    states, configs, rest = family("encoder", "rms")
    as_if_large(on=True)
    fuse(list(zip(states, configs, strict=True)), config=FusionConfig(**options), **rest)
    assert not as_if_large.seen


def test_later_rounds_of_large_models_go_part_by_part(as_if_large):
    """The default method averages in the global model's basis, which is the anchor without a vote."""
    states, configs, rest = family("encoder", "rms")
    as_if_large(on=True)
    fuse(list(zip(states, configs, strict=True)), anchor=2, **{**rest, "weights": [1, 2, 0]})
    assert as_if_large.seen


def test_nan_in_a_large_model_is_refused(as_if_large):
    states, configs, rest = family("encoder", "rms")
    next(iter(states[1].values()))[0] = torch.nan
    as_if_large(on=True)
    with pytest.raises(FedotError, match=r"model 1.*NaN"):
        fuse(list(zip(states, configs, strict=True)), config=FusionConfig(method="aligned"), **rest)
