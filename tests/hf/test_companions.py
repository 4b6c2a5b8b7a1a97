"""Files that belong to a model go along when it is fused; what does not is named, and code is never copied."""

import json
import os
import shutil
import stat

import pytest
import torch

from fedot.errors import FedotError
from fedot.hf import fuse_folders, save_folder
from fedot.hf.companions import left_behind
from tests.fusion.disk import call
from tests.hf.models import folder_of, reload, run
from tests.hf.test_vocabulary import write

POOLING = {"word_embedding_dimension": 16, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
LIBRARY = "sentence_transformers.models"


def files_of(folder):
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


@pytest.fixture
def embedder(tmp_path):
    """Make a folder as sentence-transformers writes it; the module that only normalises has no folder."""

    def make(name, seed=0):
        folder = folder_of("bert-base", tmp_path / name, seed)
        kinds = (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
        modules = [
            {"idx": i, "name": str(i), "path": path, "type": f"{LIBRARY}.{kind}"}
            for i, (kind, path) in enumerate(kinds)
        ]
        write(
            folder,
            modules__json=modules,
            sentence_bert_config__json={"max_seq_length": 16, "do_lower_case": False},
            config_sentence_transformers__json={"__version__": {"sentence_transformers": "3"}, "prompts": {}},
        )
        write(folder / "1_Pooling", config__json=POOLING)
        return folder

    return make


def test_a_folder_of_sentence_transformers_stays_one(embedder, tmp_path):
    folder = embedder("a")
    fuse_folders([folder, folder], tmp_path / "out")
    assert files_of(tmp_path / "out") == files_of(folder)
    for name in files_of(folder) - {"config.json", "model.safetensors"}:
        assert (tmp_path / "out" / name).read_bytes() == (folder / name).read_bytes()
    before, after = (run(reload(each)) for each in (folder, tmp_path / "out"))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"1_Pooling/config__json": POOLING | {"pooling_mode_cls_token": False}}, "has pooling_mode_cls_token False"),
        ({"1_Pooling/config__json": POOLING | {"pooling_mode_max_tokens": False}}, ""),
        ({"sentence_bert_config__json": {"max_seq_length": 8}}, "has max_seq_length 8"),
        ({"config_sentence_transformers__json": {"__version__": {}, "prompts": {}}}, ""),
        ({"config_sentence_transformers__json": {"prompts": {"query": "q: "}}}, "has prompts"),
        ({"modules__json": [{"path": "", "type": f"{LIBRARY}.Transformer"}]}, "modules.json is not the same"),
        ({"modules__json": [{"path": "../b", "type": f"{LIBRARY}.Pooling"}]}, "a folder beside it is needed"),
        ({"modules__json": [{"path": "..", "type": f"{LIBRARY}.Pooling"}]}, "a folder beside it is needed"),
        ({"modules__json": [{"path": "/etc", "type": f"{LIBRARY}.Pooling"}]}, "a folder beside it is needed"),
        ({"modules__json": [{"path": "", "type": "mine.Pooling"}]}, "names mine.Pooling, which is code of its own"),
        ({"modules__json": {"a": 1}}, "is no list of modules"),
        ({"modules__json": [1]}, "is no list of modules"),
        ({"modules__json": "[" * 10**5}, "modules.json cannot be read"),
        ({"1_Pooling/pytorch_model__bin": b"x"}, "cannot go along with the model"),
        ({"1_Pooling/own__py": "import os"}, "cannot go along with the model"),
        ({"1_Pooling/model__safetensors": b"weights"}, "only one of"),
    ],
)
def test_modules_have_to_be_the_same_and_the_librarys_own(change, message, embedder, tmp_path):
    first, second = embedder("a"), embedder("b", 1)
    write(second, **change)
    if not message:
        fuse_folders([first, second], tmp_path / "out")
        return
    with pytest.raises(FedotError) as caught:
        fuse_folders([first, second], tmp_path / "out")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_weights_of_a_module_are_not_fused_so_they_have_to_be_the_same(embedder, tmp_path):
    first, second = embedder("a"), embedder("b", 1)
    for folder, weights in ((first, b"one"), (second, b"two")):
        write(folder / "1_Pooling", model__safetensors=weights)
    with pytest.raises(FedotError, match="only the model itself is fused"):
        fuse_folders([first, second], tmp_path / "out")
    write(second / "1_Pooling", model__safetensors=b"one")
    fuse_folders([first, second], tmp_path / "out")
    assert (tmp_path / "out" / "1_Pooling" / "model.safetensors").read_bytes() == b"one"


def test_a_module_in_only_one_folder_is_refused(embedder, tmp_path):
    first, second = embedder("a"), embedder("b", 1)
    shutil.rmtree(second / "1_Pooling")
    with pytest.raises(FedotError, match="has all of the module 1_Pooling"):
        fuse_folders([first, second], tmp_path / "out")


def test_a_folder_of_links_is_copied_but_no_folder_elsewhere(embedder, tmp_path):
    """The hub's cache holds a link for every file."""
    folder = embedder("a")
    (tmp_path / "links" / "1_Pooling").mkdir(parents=True)
    for name in files_of(folder):
        (tmp_path / "links" / name).symlink_to(folder / name)
    fuse_folders([tmp_path / "links"] * 2, tmp_path / "out")
    assert files_of(tmp_path / "out") == files_of(folder)
    assert not any(each.is_symlink() for each in (tmp_path / "out").rglob("*"))
    shutil.rmtree(tmp_path / "links" / "1_Pooling")
    (tmp_path / "links" / "1_Pooling").symlink_to(folder / "1_Pooling")
    with pytest.raises(FedotError, match="is a link to a folder elsewhere"):
        fuse_folders([tmp_path / "links"] * 2, tmp_path / "other")


LEFT = {
    "README__md": "# a model card",
    "pytorch_model__bin": b"x",
    "optimizer__pt": b"x",
    "modeling_own__py": "raise SystemExit('never')",
    "training_args__bin": b"x",
}
GO = {
    "LICENSE": "free",
    "NOTICE__txt": "x",
    "generation_config__json": {},
    "special_tokens_map__json": {},
    "preprocessor_config__json": {},
    "chat_template__jinja": "x",
    "vocab__txt": "\n".join(map(str, range(40))),
    "added_tokens__json": {},
}


def test_what_is_left_behind_is_told(tmp_path):
    first, second = (folder_of("bert", tmp_path / name, seed) for seed, name in enumerate("ab"))
    write(first, **LEFT, **GO)
    (first / "onnx").mkdir()
    (first / ".cache").mkdir()
    write(second, README__md="x", spiece__model=b"", tokenizer_config__json={})
    (second / "spiece.model").unlink()
    names = {name.replace("__", ".") for name in LEFT} | {"onnx/"}
    assert set(left_behind([first, second])) == names | {"b/tokenizer_config.json"}
    for args in (("--dry-run",), ()):
        said = call(first, second, "-o", tmp_path / "out", *args).output.replace("\n", " ")
        told = said.split("left behind: ")[1]
        assert all(name in told for name in names)
    assert files_of(tmp_path / "out") == {"config.json", "model.safetensors"} | {name.replace("__", ".") for name in GO}
    plain = folder_of("bert", tmp_path / "plain")
    assert "left behind" not in call(plain, plain, "-o", tmp_path / "other").output


@pytest.mark.parametrize("mask", [0o022, 0o027])
def test_every_file_has_the_rights_that_new_files_have(mask, embedder, tmp_path):
    folder = embedder("a")
    for each in folder.rglob("*"):
        each.chmod(0o700 if each.is_dir() else 0o600)
    before = os.umask(mask)
    try:
        fuse_folders([folder, folder], tmp_path / "out")
    finally:
        os.umask(before)
    for each in (tmp_path / "out", *(tmp_path / "out").rglob("*")):
        assert stat.S_IMODE(each.stat().st_mode) == (0o777 if each.is_dir() else 0o666) & ~mask, each


def test_weights_are_written_as_the_library_writes_them(folders, tmp_path):
    """The header says for what the file is, without which older versions of the library refuse it."""
    from safetensors import safe_open

    from fedot.hf import load_folder

    model = load_folder(folders["bert"])
    save_folder(tmp_path / "out", model.state, model.config)
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
    assert json.loads((tmp_path / "out" / "config.json").read_text())["architectures"] == model.config["architectures"]
