import json

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig
from fedot.hf import fuse_folders, load_folder
from tests.hf.models import folder_of, reload, run


def with_words(folder, words):
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    return folder


def test_folders_become_one_that_its_class_loads(tmp_path):
    folders = [folder_of("gpt2", tmp_path / str(seed), seed) for seed in range(3)]
    result = fuse_folders(folders, tmp_path / "fused", weights=[1, 2, 3], anchor=1)
    assert len(result.alignments) == 3
    assert torch.isfinite(run(reload(tmp_path / "fused"))).all()
    assert json.loads((tmp_path / "fused" / "config.json").read_text())["tie_word_embeddings"] is False
    load_folder(tmp_path / "fused")


@pytest.mark.parametrize("name", ["gpt2", "bert", "t5"])
def test_a_folder_fused_with_itself_is_itself(name, folders, logits, tmp_path):
    fuse_folders([folders[name]] * 2, tmp_path / "fused")
    torch.testing.assert_close(run(reload(tmp_path / "fused")), logits[name], rtol=0, atol=1e-4)
    fuse_folders([tmp_path / "fused"] * 2, tmp_path / "again")
    torch.testing.assert_close(run(reload(tmp_path / "again")), logits[name], rtol=0, atol=1e-4)


def test_the_method_is_an_option(folders, tmp_path):
    other = folder_of("bert", tmp_path / "other", 5)
    for method in ("aligned", "vanilla"):
        fuse_folders([folders["bert"], other], tmp_path / method, config=FusionConfig(method=method))
    aligned, vanilla = (run(reload(tmp_path / method)) for method in ("aligned", "vanilla"))
    assert (aligned - vanilla).abs().max() > 1e-3


@pytest.mark.parametrize("anchor", [0, 1])
def test_tokens_are_matched_and_the_first_tokenizer_stays_valid(anchor, tmp_path):
    first = with_words(folder_of("gpt2", tmp_path / "a", 0), [f"w{i}" for i in range(40)])
    second = with_words(folder_of("gpt2", tmp_path / "b", 1), [f"w{i}" for i in reversed(range(1, 41))])
    result = fuse_folders([first, second], tmp_path / "fused", anchor=anchor)
    assert result.vocabulary == tuple(f"w{i}" for i in range(41))
    assert (tmp_path / "fused" / "vocab.txt").read_text() == (first / "vocab.txt").read_text()
    assert load_folder(tmp_path / "fused").config["vocab_size"] == 41
    assert run(reload(tmp_path / "fused")).shape[-1] == 41


def test_what_does_not_belong_together_is_refused(folders, tmp_path):
    def named(path, names):
        folder = folder_of("bert", path)
        values = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(values | {"id2label": dict(enumerate(names))}))
        return folder

    a, b = named(tmp_path / "a", ["bad", "so-so", "good"]), named(tmp_path / "b", ["good", "so-so", "bad"])
    with pytest.raises(FedotError, match=r"classes good, so-so, bad, but .*bad, so-so, good"):
        fuse_folders([a, b], tmp_path / "out")
    with pytest.raises(FedotError, match=r"has model_type 'gpt2', but .* has 'bert'"):
        fuse_folders([a, folders["gpt2"]], tmp_path / "out")
    with pytest.raises(FedotError, match="no folder to fuse"):
        fuse_folders([], tmp_path / "out")
    assert not (tmp_path / "out").exists()
