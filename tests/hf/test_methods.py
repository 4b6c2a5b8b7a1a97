import pytest
import torch

from fedot.fusion import FusionConfig, fuse
from fedot.fusion.canonical.canonicalise import canonical_but_heads, canonicalise
from fedot.fusion.canonical.maps import apply_maps
from fedot.fusion.plan.config import OF_METHODS
from fedot.hf import forward_module, load_folder
from tests.groups import random_symmetry
from tests.hf.models import run
from tests.hf.test_probe import probe

MODELS = ("bert", "gpt2", "vit", "t5", "marian")
ALIGN = ("c2m3", "git-rebasin", "theus", "zhang", "singh-jaggi")
PROBE = ("verma", "regmean", "fisher")
CASES = [(method, name) for name in MODELS for method in ALIGN + PROBE]


@pytest.mark.parametrize(("method", "name"), CASES)
def test_a_copy_with_reordered_neurons_is_the_anchor(method, name, folders, logits):
    model = load_folder(folders[name])
    spec, own = model.spec, OF_METHODS[method]
    canonical = (canonical_but_heads if "heads" in own else canonicalise)(model.state, model.spec)
    maps = {
        group: each
        for group, each in random_symmetry(spec, 4).items()
        if spec.groups[group].kind == "permutation" and group not in spec.heads() and not spec.is_stream(group)
    }
    copy = apply_maps(canonical, spec, maps)
    pairs = [(model.state, model.config), (copy, model.config)]
    result = fuse(pairs, spec=spec, probe=probe(name), config=FusionConfig(method=method))
    got = run(forward_module(result.state, model.config, torch.float64))
    torch.testing.assert_close(got, logits[name], rtol=0, atol=1e-4)


@pytest.mark.parametrize("support", ["weights", "activations"])
def test_layers_of_gpt2_are_compared_by_what_their_parts_put_out(support, folders, logits):
    model = load_folder(folders["gpt2"])
    pairs = [(model.state, model.config)] * 2
    config = FusionConfig(method="singh-jaggi", support=support)
    result = fuse(pairs, spec=model.spec, probe=probe("gpt2"), config=config)
    got = run(forward_module(result.state, model.config, torch.float64))
    torch.testing.assert_close(got, logits["gpt2"], rtol=0, atol=1e-4)
