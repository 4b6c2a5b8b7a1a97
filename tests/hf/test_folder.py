import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from fedot.errors import FedotError
from fedot.fusion import fuse
from fedot.hf import load_folder, save_folder
from fedot.hf.tokens.vocabulary import read_vocabulary
from tests.hf.models import reload, run


@pytest.fixture
def copy_of(folders, tmp_path):
    """Copy the folder of a variant, to be changed: its config.json and its tensors."""

    def copy(name, config=None, tensors=None):
        path = tmp_path / f"{name}-copy"
        shutil.copytree(folders[name], path)
        if config is not None:
            values = json.loads((path / "config.json").read_text())
            (path / "config.json").write_text(json.dumps(config(values)))
        if tensors is not None:
            save_file(tensors(load_file(path / "model.safetensors")), path / "model.safetensors", {"format": "pt"})
        return path

    return copy


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("name", ["gpt2", "bert", "vit"])
def test_a_folder_of_half_precision_comes_back_as_it_was(name, dtype, copy_of, tmp_path):
    folder = copy_of(name, tensors=lambda state: {key: t.to(dtype) for key, t in state.items()})
    model = load_folder(folder)
    assert model.dtype == dtype
    assert {tensor.dtype for tensor in model.state.values()} == {torch.float32}
    save_folder(tmp_path / "out", model.state, model.config, model.dtype)
    before, after = (load_file(path / "model.safetensors") for path in (folder, tmp_path / "out"))
    assert all(torch.equal(after[key], tensor) for key, tensor in before.items())
    assert reload(tmp_path / "out", dtype=dtype).dtype == dtype
    assert json.loads((tmp_path / "out" / "config.json").read_text())["torch_dtype"] == str(dtype)[6:]


def test_models_of_both_precisions_are_fused(copy_of, folders, tmp_path):
    half = load_folder(copy_of("gpt2", tensors=lambda state: {key: t.bfloat16() for key, t in state.items()}))
    full = load_folder(folders["gpt2"])
    result = fuse([(half.state, half.config), (full.state, full.config)], spec=half.spec)
    save_folder(tmp_path / "out", result.state, half.config, half.dtype, anchor=half.folder)
    torch.testing.assert_close(run(reload(tmp_path / "out")), run(reload(folders["gpt2"])), rtol=0, atol=0.2)


def test_a_pickle_is_never_read(copy_of):
    folder = copy_of("bert")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(FedotError, match=r"has no model\.safetensors \(pytorch_model\.bin is a pickle"):
        load_folder(folder)


def test_shards_are_put_together(copy_of):
    folder = copy_of("gpt2")
    whole = load_folder(folder)
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    halves = {"a.safetensors": sorted(state)[::2], "b.safetensors": sorted(state)[1::2]}
    for file, names in halves.items():
        save_file({name: state[name] for name in names}, folder / file)
    index = {"weight_map": {name: file for file, names in halves.items() for name in names}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert all(torch.equal(load_folder(folder).state[key], tensor) for key, tensor in whole.state.items())
    (folder / "b.safetensors").unlink()
    with pytest.raises(FedotError, match=r"has no b\.safetensors"):
        load_folder(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c | {"model_type": "berd"}, "model_type 'berd'.*did you mean bert"),
        (lambda c: c | {"architectures": ["BertForMusic"]}, "architectures 'BertForMusic'.*BertForMaskedLM"),
        (lambda c: {k: v for k, v in c.items() if k != "architectures"}, "architectures None"),
        (lambda c: {k: v for k, v in c.items() if k != "hidden_size"}, "hidden_size None, but a whole number"),
        (lambda c: c | {"num_attention_heads": 3}, "width 16, which its 3 heads do not divide"),
        (lambda c: c | {"is_decoder": True}, "is_decoder True"),
        (lambda c: c | {"intermediate_size": 25}, r"intermediate\.dense\.weight has shape \(24, 16\).*length 25"),
        (lambda c: [c], "holds a list"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(change, message, copy_of):
    with pytest.raises(FedotError, match=message):
        load_folder(copy_of("bert", change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {k: t for k, t in s.items() if k != "classifier.bias"}, r"lacks classifier\.bias"),
        (lambda s: s | {"more.weight": torch.zeros(2)}, r"holds more\.weight"),
        (
            lambda s: s | {"bert.encoder.layer.1.output.dense.weight": torch.zeros(24, 16)},
            r"encoder\.layer\.1\.output\.dense\.weight has shape \(24, 16\).*axis 0 \(residual\)",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_refused(change, message, copy_of):
    with pytest.raises(FedotError, match=message):
        load_folder(copy_of("bert", tensors=change))


def test_a_folder_without_its_files_is_refused(copy_of, tmp_path):
    with pytest.raises(FedotError, match=r"config\.json cannot be read \(FileNotFoundError\)"):
        load_folder(tmp_path)
    folder = copy_of("bert")
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(FedotError, match="is not a whole safetensors file"):
        load_folder(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(FedotError, match=r"config\.json cannot be read: it is no valid JSON"):
        load_folder(folder)


def test_an_old_file_is_read(copy_of, folders):
    """No prefix in GPT-2 but buffers; gamma and beta, heads from pre-training and buffers in BERT."""

    def old_gpt2(state):
        out = {key.removeprefix("transformer."): t for key, t in state.items()}
        return out | {"h.0.attn.bias": torch.ones(1, 1, 20, 20), "h.1.attn.masked_bias": torch.tensor(-1e4)}

    def old_bert(state):
        out = {
            key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): t
            for key, t in state.items()
        }
        out["cls.predictions.decoder.weight"] = state["bert.embeddings.word_embeddings.weight"].clone()
        out |= {"bert.pooler.dense.weight": torch.ones(16, 16), "cls.seq_relationship.bias": torch.ones(2)}
        return out | {"bert.embeddings.position_ids": torch.arange(20)[None]}

    for name, change in (("gpt2", old_gpt2), ("bert-words", old_bert)):
        old, new = load_folder(copy_of(name, tensors=change)), load_folder(folders[name])
        assert old.state.keys() == new.state.keys()
        assert all(torch.equal(old.state[key], tensor) for key, tensor in new.state.items())


def test_a_tie_that_the_file_breaks_is_refused(copy_of):
    with pytest.raises(FedotError, match=r"ties cls\.predictions\.decoder\.weight to embeddings\.word_embeddings"):
        load_folder(copy_of("bert-words", tensors=lambda s: s | {"cls.predictions.decoder.weight": torch.ones(40, 16)}))


def test_tokenizer_files_go_along_and_nothing_is_overwritten(copy_of, tmp_path):
    folder = copy_of("gpt2")
    (folder / "vocab.json").write_text(json.dumps({f"w{i}": i for i in range(38)}))
    (folder / "merges.txt").write_text("a b\n")
    model = load_folder(folder)
    assert model.labels["vocab"][37:] == ("w37", "<row 38>", "<row 39>")
    save_folder(tmp_path / "out", model.state, model.config, anchor=model.folder)
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"vocab.json", "merges.txt", "config.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"out", "gpt2-copy"}
    with pytest.raises(FedotError, match="exists already"):
        save_folder(tmp_path / "out", model.state, model.config)
    broken = {key: t for key, t in model.state.items() if key != "wte.weight"}
    with pytest.raises(FedotError, match=r"lacks wte\.weight"):
        save_folder(tmp_path / "other", broken, model.config)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("vocab.txt", "[PAD]\na\nb\u2028\n"),
        ("vocab.json", '{"a": 1, "[PAD]": 0, "b\\u2028": 2}'),
        (
            "tokenizer.json",
            '{"model": {"vocab": {"[PAD]": 0, "a": 1}}, "added_tokens": [{"id": 2, "content": "b\u2028"}]}',
        ),
        ("tokenizer.json", '{"model": {"vocab": [["[PAD]", 0.0], ["a", -1.5], ["b\u2028", -2.0]]}}'),
    ],
)
def test_every_kind_of_vocabulary_is_read(file, text, tmp_path):
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert read_vocabulary(tmp_path, 4) == ("[PAD]", "a", "b\u2028", "<row 3>")


def test_a_vocabulary_that_is_none_is_refused(tmp_path):
    assert read_vocabulary(tmp_path, 4) is None
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(FedotError, match=r"tokenizer\.json is no vocabulary"):
        read_vocabulary(tmp_path, 4)


def test_names_of_classes_are_read(folders, copy_of):
    named = copy_of("bert", lambda c: c | {"id2label": {"0": "bad", "2": "good", "1": "so-so"}})
    assert load_folder(named).labels["class"] == ("bad", "so-so", "good")


def test_reading_does_not_import_transformers(folders):
    code = (
        "import sys; from fedot.hf import load_folder; from fedot.fusion import fuse; "
        f"m = load_folder({str(folders['bert'])!r}); fuse([(m.state, m.config)] * 2, spec=m.spec); "
        "sys.exit('transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
