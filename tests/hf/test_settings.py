"""Every key of every family's config.json: models are fused only where it does not change what weights compute.

The keys come from the library's own config classes, and whether one of them matters is measured on its own classes.
"""

import json
import os

import pytest
import torch
import transformers

from fedot.errors import FedotError
from fedot.hf import HF_MODELS, load_folder
from fedot.hf.alike import check_alike
from tests.hf.conftest import Made
from tests.hf.models import VARIANTS

FAMILIES = {  # variants that together have every family
    name: VARIANTS[name]
    for name in (
        "bert",
        "roberta",
        "xlm-roberta",
        "distilbert",
        "gpt2",
        "gpt2-class",
        "t5",
        "vit",
        "marian",
    )
}
OTHER_TEXT = {"gelu": "relu", "relu": "silu", "gelu_new": "relu", "tanh": "relu"}
CHOSEN = {  # where any other value would not do, or where the class does not list the key any more
    "pad_token_id": 5,
    "position_embedding_type": "relative_key",
    "sep_token_id": 7,
    "my_own_note": "x",
}
STRICT = {  # refused although logits stay the same
    "is_encoder_decoder": "other parts of the library go by it",
    "is_decoder": "the same",
    "pad_token_id": "two models name two tokens that texts are filled up with",
    "my_own_note": "nobody knows what it does",
    "position_embedding_type": "older versions of the library go by it",
}
EXACT = {"scale_decoder_outputs": "the factor goes into the output layer"}  # fused although logits differ


def changed(value):
    """Another value of the same kind; None where there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return {4: 2, 16: 8, 128: 12}.get(value, value + 1)  # heads divide the width; a distance that texts have
    if isinstance(value, float):
        return 2 * value + 0.5
    return OTHER_TEXT.get(value) if isinstance(value, str) else None


def cases():
    for name, (kind, settings) in FAMILIES.items():
        values = getattr(transformers, kind).config_class(**settings).to_dict()
        for key, value in (CHOSEN | values).items():
            other = CHOSEN.get(key, changed(value))
            if other is not None and key not in ("transformers_version", "model_type", "_name_or_path"):
                yield pytest.param(name, key, other, id=f"{name}-{key}")


def with_key(folder, path, key, value):
    """A folder of the same tensors whose config.json has one other value."""
    path.mkdir()
    config = json.loads((folder / "config.json").read_text()) | {key: value}
    if key == "feed_forward_proj":  # what follows from it would win over it
        del config["dense_act_fn"], config["is_gated_act"]
    (path / "config.json").write_text(json.dumps(config))
    os.link(folder / "model.safetensors", path / "model.safetensors")
    return path


def compute(folder):
    """Logits on inputs that have padding; None where the class has no place for these tensors, or misses some."""
    own_class = getattr(transformers, json.loads((folder / "config.json").read_text())["architectures"][0])
    try:
        model, info = own_class.from_pretrained(folder, output_loading_info=True, return_dict=True)
        wrong = any(info.get(key) for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
        return None if wrong else logits_of(model)
    except (RuntimeError, ValueError, TypeError):
        return None


def logits_of(model):
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(3, 30, (3, 17 if model.config.model_type == "t5" else 9), generator=generator)
    ids[:, -4:] = torch.tensor([[5, 6, 0, 0], [0, 0, 0, 0], [5, 0, 5, 5]])
    with torch.no_grad():
        if model.config.model_type == "vit":
            return model(torch.randn(3, 3, 8, 8, generator=generator)).logits
        named = {"input_ids": ids, "attention_mask": (ids != 0).long()}
        if model.config.model_type in ("t5", "marian"):
            named["labels"] = ids.flip(1).clone()
            named["labels"][0, 2] = -100  # written over with padding before the decoder reads it
        return model.double()(**named).logits


def refusal(first, other):
    try:
        check_alike([load_folder(first), load_folder(other)])
    except FedotError as error:
        return str(error)
    return ""


def test_every_family_is_asked():
    kinds = [getattr(transformers, kind).config_class.model_type for kind, _ in FAMILIES.values()]
    assert set(kinds) == set(HF_MODELS)


@pytest.fixture(scope="module")
def computed(folders):
    return Made(lambda name: compute(folders[name]))


@pytest.mark.parametrize(("name", "key", "value"), list(cases()))
def test_a_key_that_changes_the_function_is_refused_by_name(name, key, value, folders, computed, tmp_path):
    folder = folders[name]
    other = with_key(folder, tmp_path / "other", key, value)
    want, got = computed[name], compute(other)
    said = refusal(folder, other)
    assert want is not None
    assert "\n" not in said
    family = HF_MODELS[json.loads((folder / "config.json").read_text())["model_type"]]
    if got is None:
        assert said
    elif torch.allclose(got, want, rtol=0, atol=1e-6):
        assert not said or key in STRICT
    elif key in family.settings.sizes or key in EXACT:
        assert not said
    else:
        assert key in said
        assert str(value) in said
