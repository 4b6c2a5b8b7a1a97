import json
import re

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import fuse
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.hf import HF_MODELS, forward_module, load_folder, save_folder
from fedot.hf.folder import fit_rows
from tests.hf.models import MARIAN, VARIANTS, folder_of, reload, run

every = pytest.mark.parametrize("name", VARIANTS)


def outputs(state, config):
    return run(forward_module(state, config, torch.float64))


def test_every_family_has_a_variant():
    assert {transformers_type(kind) for kind, _ in VARIANTS.values()} == set(HF_MODELS)


def transformers_type(kind):
    import transformers

    return getattr(transformers, kind).config_class.model_type


@every
def test_split_and_join_are_the_identity(name, folders, logits, tmp_path):
    from safetensors.torch import load_file

    model = load_folder(folders[name])
    save_folder(tmp_path / "out", model.state, model.config, model.dtype)
    before, after = (load_file(folder / "model.safetensors") for folder in (folders[name], tmp_path / "out"))
    assert all(key == "lm_head.weight" or "embed_positions" in key for key in set(after) - set(before))
    if name == "bert-words-untied":
        del before["cls.predictions.bias"]  # which an untied model does not read
    for key, tensor in before.items():
        assert torch.equal(after[key], tensor), key
    torch.testing.assert_close(run(reload(tmp_path / "out")), logits[name], rtol=0, atol=1e-9)
    again = load_folder(tmp_path / "out")
    assert all(torch.equal(again.state[key], tensor) for key, tensor in model.state.items())
    assert again.config.keys() - model.config.keys() <= {"torch_dtype"}


@every
def test_the_canonical_form_keeps_the_logits(name, folders, logits):
    model = load_folder(folders[name])
    got = canonicalise(model.state, model.spec)
    model.spec.validate(got)
    torch.testing.assert_close(outputs(got, model.config), logits[name], rtol=0, atol=1e-9)
    again = canonicalise(got, model.spec)
    torch.testing.assert_close(outputs(again, model.config), outputs(got, model.config), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["bert-words", "distilbert", "roberta-words", "gpt2", "vit", "t5", "marian"])
def test_tensors_that_do_not_fit_are_refused_by_name(name, folders):
    model = load_folder(folders[name])
    for key, tensor in model.state.items():
        with pytest.raises(FedotError, match=f"lacks {re.escape(key)}"):
            model.spec.validate({other: t for other, t in model.state.items() if other != key})
        if tensor.ndim == 2 and tensor.shape[0] != tensor.shape[1]:
            with pytest.raises(FedotError, match=f"tensor {re.escape(key)} has shape"):
                model.spec.validate({**model.state, key: tensor.T})
    with pytest.raises(FedotError, match=r"holds extra\.weight"):
        model.spec.validate({**model.state, "extra.weight": torch.zeros(2)})


def test_vocabularies_are_united_and_the_config_follows(tmp_path):
    folders = []
    for seed, extra in ((0, "zebra"), (1, "yak")):
        folder = folder_of("bert-words", tmp_path / extra, seed)
        words = [f"w{i}" for i in range(39)] + [extra]
        (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
        folders.append(folder)
    a, b = (load_folder(folder) for folder in folders)
    result = fuse(
        [(a.state, a.config), (b.state, b.config)],
        spec=[a.spec, b.spec],
        vocabularies=[a.labels["vocab"], b.labels["vocab"]],
    )
    save_folder(tmp_path / "fused", result.state, a.config, anchor=a.folder)
    fused = reload(tmp_path / "fused")
    assert fused.config.vocab_size == 41
    assert run(fused).shape[-1] == 41
    bias = result.state["cls.predictions.bias"]
    assert bias[39] == a.state["cls.predictions.bias"][39]
    assert bias[40] == b.state["cls.predictions.bias"][39]


def test_more_classes_get_names(folders):
    model = load_folder(folders["bert"])
    wider = {**model.state, "classifier.weight": torch.zeros(5, 16), "classifier.bias": torch.zeros(5)}
    assert list(fit_rows(wider, model.config)["id2label"].values()) == [f"LABEL_{i}" for i in range(5)]


def test_a_marian_table_of_positions_is_the_fixed_one(folders):
    import transformers

    model = transformers.MarianMTModel(transformers.MarianConfig(**MARIAN))
    want = model.model.encoder.embed_positions.weight
    got = load_folder(folders["marian"]).state["model.encoder.embed_positions.weight"]
    torch.testing.assert_close(got, want, rtol=0, atol=1e-6)


def test_the_written_config_unties_what_had_to_be_untied(folders, tmp_path):
    for name, untied in (("gpt2", True), ("t5", True), ("bert-words", False), ("marian", False)):
        model = load_folder(folders[name])
        save_folder(tmp_path / name, model.state, model.config)
        config = json.loads((tmp_path / name / "config.json").read_text())
        assert (config.get("tie_word_embeddings") is False) == untied
