"""Folders that are none, or that somebody has made up: one line that says what to do, at once, and nothing written."""

import json
import os
import shutil
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from fedot.errors import FedotError
from fedot.hf import fuse_folders, load_folder
from tests.fusion.disk import call
from tests.hf.models import folder_of

KEYS = {  # what counts layers, and what else has to be a number, a text or a flag
    "bert": (
        "num_hidden_layers",
        "vocab_size",
        "max_position_embeddings",
        "layer_norm_eps",
        "hidden_act",
        "is_decoder",
    ),
    "roberta": ("num_hidden_layers", "type_vocab_size", "pad_token_id"),
    "distilbert": ("n_layers", "n_heads", "activation"),
    "gpt2": ("n_layer", "n_positions", "layer_norm_epsilon", "scale_attn_weights", "activation_function"),
    "t5": ("num_layers", "num_decoder_layers", "d_kv", "feed_forward_proj", "relative_attention_max_distance"),
    "vit": ("num_hidden_layers", "image_size", "patch_size", "num_channels", "qkv_bias"),
    "marian": ("encoder_layers", "decoder_layers", "max_position_embeddings", "vocab_size", "scale_embedding"),
}
ODD = (10**9, 10**30, -1, 0.5, float("nan"), "many\n\x1b[31m", [1], {"a": 1}, True)
REAL = ("layer_norm_eps", "layer_norm_epsilon", "relative_attention_max_distance")  # may have any size


def edit(folder, **values):
    """Change keys of a config.json; None takes one out."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))
    return folder


def refused(folder):
    """What is said of a folder, which has to be one line that names it, and to come at once."""
    start = time.monotonic()
    with pytest.raises(FedotError) as caught:
        load_folder(folder)
    said = str(caught.value)
    assert time.monotonic() - start < 5
    assert "\n" not in said
    assert "\x1b" not in said
    assert said.startswith(str(folder))
    return said


@pytest.fixture
def copy_of(folders, tmp_path):
    def copy(name="bert"):
        return shutil.copytree(folders[name], tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}")

    return copy


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, keys in KEYS.items() for key in keys])
def test_a_value_of_another_kind_or_size_is_refused_by_name(name, key, copy_of):
    folder = copy_of(name)
    text = (folder / "config.json").read_text()
    good = json.loads(text)[key]
    for value in ODD:
        small = key in REAL and value in (0.5, 10**9, 10**30)
        if small or (isinstance(good, str | bool) and isinstance(value, type(good))):
            continue  # a model may have that
        (folder / "config.json").write_text(text)
        said = refused(edit(folder, **{key: value}))
        assert key in said or "tensor" in said or "width" in said or "lacks" in said, (value, said)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"architectures": "BertModel\nx"}, "has architectures"),
        ({"architectures": {"a": 1}}, "has architectures"),
        ({"architectures": [["BertModel"]]}, "has architectures"),
        ({"architectures": []}, "has architectures None"),
        ({"model_type": ["bert"]}, "has model_type"),
        ({"model_type": None}, "has model_type None"),
        ({"id2label": ["a", "b", "c"]}, "an id2label that does not name the classes"),
        ({"id2label": {"a": "x", "b": "y", "c": "z"}}, "an id2label that does not name the classes"),
        ({"id2label": {"0": "x", "1": "y", "3": "z"}}, "an id2label that does not name the classes"),
        ({"num_labels": 4}, "num_labels 4, but its id2label names 3 classes"),
        ({"id2label": None, "num_labels": 10**9}, "num_labels 1000000000"),
        ({"auto_map": {"AutoModel": "model.Own"}}, "has auto_map, so the model is code of its own"),
        ({"quantization_config": {"bits": 4}}, "has quantization_config"),
        ({"pruned_heads": {"0": [1]}}, "has pruned_heads"),
        ({"position_embedding_type": "relative_key_query"}, "absolute ones only"),
        ({"pad_token_id": "x"}, "has pad_token_id 'x', but a number is needed"),
    ],
)
def test_a_config_that_is_none_is_refused(values, message, copy_of):
    assert message in refused(edit(copy_of(), **values))


def test_a_config_of_any_depth_is_refused_at_once(copy_of):
    folder = copy_of()
    for text, message in (
        ("[" * 10**6, "nested more than 32 deep"),
        ('{"a": ' * 40 + "1" + "}" * 40, "nested more than 32 deep"),
        ("null", "holds a NoneType"),
        ('{"model_type": "bert", "model_type": "gpt2"}', "a key is there twice"),
        ("\xff", "no valid JSON"),
    ):
        (folder / "config.json").write_bytes(text.encode("latin-1"))
        assert message in refused(folder)
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")  # which nobody writes to
    assert "cannot be read" in refused(folder)


def test_every_other_kind_of_folder_is_told_what_to_do(copy_of, tmp_path):
    folder = copy_of()
    weights = (folder / "model.safetensors").read_bytes()
    for name, message in (
        ("pytorch_model.bin", "pytorch_model.bin is a pickle.*from_pretrained and save it with save_pretrained"),
        ("pytorch_model-00001-of-00002.bin", "is a pickle"),
        ("tf_model.h5", "for TensorFlow"),
        ("flax_model.msgpack", "for Flax"),
        ("model.onnx", "for ONNX"),
    ):
        (folder / "model.safetensors").unlink(missing_ok=True)
        (folder / name).write_bytes(b"x")
        with pytest.raises(FedotError, match=message):
            load_folder(folder)
        (folder / name).unlink()
    assert "copy or download the folder again" in refused(folder)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    assert "is a PEFT adapter" in refused(folder)
    (tmp_path / "above").mkdir()
    (folder / "adapter_config.json").unlink()
    shutil.copytree(folder, tmp_path / "above" / "0_Transformer")
    assert f"there is a model in {tmp_path / 'above' / '0_Transformer'}" in refused(tmp_path / "above")
    assert "is no folder" in refused(folder / "config.json")
    assert "is no folder" in refused(tmp_path / "nowhere")


def test_a_missing_shard_is_named(copy_of):
    folder = copy_of()
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": dict.fromkeys(state, "model-00001-of-00003.safetensors")}))
    said = refused(folder)
    assert "has no model-00001-of-00003.safetensors, one of 1 files" in said
    assert "copy or download the folder again" in said
    for text in ("{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}', '{"weight_map": {}}'):
        index.write_text(text)
        assert "does not say in which file each tensor is" in refused(folder)
    save_file(state, folder.parent / "outside.safetensors")
    for name in ("../outside.safetensors", str(folder.parent / "outside.safetensors"), "pytorch_model.bin"):
        index.write_text(json.dumps({"weight_map": dict.fromkeys(state, name)}))
        assert "which is no .safetensors file beside it" in refused(folder)


def test_tensors_of_odd_shapes_are_refused(copy_of):
    for name, key in (("gpt2", "transformer.h.0.attn.c_attn.weight"), ("vit", "vit.embeddings.cls_token")):
        folder = copy_of(name)
        state = load_file(folder / "model.safetensors")
        for odd in (torch.zeros(()), torch.zeros(3), torch.zeros(0, 2), torch.zeros(2, 2, 2, 2, 2)):
            save_file(state | {key: odd}, folder / "model.safetensors")
            refused(folder)


def test_a_model_without_its_pooler_is_fused_and_written_without_it(tmp_path):
    folders = []
    for seed in (1, 2):
        folder = folder_of("bert-base", tmp_path / str(seed), seed)
        state = load_file(folder / "model.safetensors")
        kept = {name: tensor for name, tensor in state.items() if not name.startswith("pooler.")}
        assert len(kept) < len(state)
        save_file(kept, folder / "model.safetensors", {"format": "pt"})
        folders.append(folder)
    fuse_folders(folders, tmp_path / "out")
    assert load_file(tmp_path / "out" / "model.safetensors").keys() == kept.keys()
    fuse_folders([tmp_path / "out"] * 2, tmp_path / "again")
    with_pooler = folder_of("bert-base", tmp_path / "3", 3)
    with pytest.raises(FedotError, match="add_pooling_layer"):
        fuse_folders([folders[0], with_pooler], tmp_path / "other")


def test_a_refused_folder_leaves_nothing_behind(copy_of, folders, tmp_path):
    folder = edit(copy_of(), hidden_act="relu")
    done = call(folders["bert"], folder, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "hidden_act 'relu'" in done.output
    assert not (tmp_path / "out").exists()
