import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import apply_maps
from fedot.fusion.texts.probe import Probe
from fedot.hf import forward_module, load_folder, probe_module
from tests.groups import random_symmetry
from tests.hf.models import run


def probe(name):
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, 30, (64, 8), generator=generator)
    ids[:20, 5:] = 0
    if name == "vit":
        return Probe(((torch.randn(64, 3, 8, 8, generator=generator),),), probe_module)
    return Probe(((ids, ids.flip(1).clamp(min=3)) if name in ("t5", "marian") else (ids,),), probe_module)


@pytest.mark.parametrize("name", ["bert", "roberta-words", "distilbert", "gpt2", "vit", "t5", "marian"])
def test_a_transformed_copy_is_found_by_its_activations(name, folders, logits):
    model = load_folder(folders[name])
    canonical = canonicalise(model.state, model.spec)
    copy = apply_maps(canonical, model.spec, random_symmetry(model.spec, 4))
    config = FusionConfig(method="aligned", support="activations")
    pairs = [(model.state, model.config), (copy, model.config)]
    fused = fuse(pairs, spec=model.spec, probe=probe(name), config=config)
    got = run(forward_module(fused.state, model.config, torch.float64))
    torch.testing.assert_close(got, logits[name], rtol=0, atol=1e-4)


def test_padding_is_masked_and_missing_modules_are_named(folders):
    model = load_folder(folders["bert"])
    module = probe_module(model.config, model.state)
    ids = torch.randint(3, 30, (2, 8), generator=torch.Generator().manual_seed(0))
    longer = torch.cat([ids, torch.zeros(2, 3, dtype=torch.int64)], 1)
    torch.testing.assert_close(module(longer), module(ids), rtol=0, atol=1e-5)
    with pytest.raises(FedotError, match=r"BertForSequenceClassification has no single module encoder\.music"):
        module.get_submodule("encoder.music")
