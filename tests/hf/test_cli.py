"""Folders of the transformers library on the command line."""

import pytest
import torch
from safetensors.torch import load_file

from fedot.fusion import FusionConfig
from fedot.hf import fuse_folders
from tests.fusion.disk import call, model, write
from tests.hf.models import VOCAB, folder_of, reload, run


@pytest.mark.parametrize("name", ["bert", "gpt2", "t5"])
def test_folders_are_fused_as_by_the_library(name, folders, tmp_path):
    other = folder_of(name, tmp_path / "other", 5)
    done = call(folders[name], other, "-o", tmp_path / "cli", "--weights", "1,2")
    assert done.exit_code == 0, done.output
    config = FusionConfig(method="aligned")
    fuse_folders([folders[name], other], tmp_path / "library", weights=[1, 2], config=config)
    found, expected = (load_file(tmp_path / each / "model.safetensors") for each in ("cli", "library"))
    assert set(found) == set(expected)
    for key, tensor in expected.items():
        torch.testing.assert_close(found[key], tensor, rtol=1e-4, atol=1e-5)
    run(reload(tmp_path / "cli"))


@pytest.mark.parametrize(
    "options", [{"method": "theus", "learn_steps": 3}, {"method": "verma"}, {"method": "fisher", "probe_texts": 16}]
)
def test_folders_are_run_on_texts_drawn_from_counts(options, folders, tmp_path):
    other, counts = folder_of("bert", tmp_path / "other", 5), tmp_path / "counts.json"
    counts.write_text(str([0] + [3] * (VOCAB - 1)))
    told = [f"{name}={value}" for name, value in options.items() if name != "method"]
    told = [part for each in told for part in ("--set", each)]
    given = ["--method", options["method"], *told, "--counts", counts, "--counts", counts]
    done = call(folders["bert"], other, "-o", tmp_path / "cli", *given)
    assert done.exit_code == 0, done.output
    seen = [torch.tensor([0.0] + [3.0] * (VOCAB - 1))] * 2
    config = FusionConfig(**options)
    fuse_folders([folders["bert"], other], tmp_path / "library", weights=[0.5, 0.5], token_counts=seen, config=config)
    found, expected = (load_file(tmp_path / each / "model.safetensors") for each in ("cli", "library"))
    for key, tensor in expected.items():
        torch.testing.assert_close(found[key], tensor, rtol=1e-4, atol=1e-5)


def test_a_folder_is_overwritten_only_by_force(folders, tmp_path):
    other = folder_of("bert", tmp_path / "other", 5)
    before = (other / "model.safetensors").read_bytes()
    done = call(folders["bert"], folders["bert"], "-o", other)
    assert done.exit_code == 2
    assert (other / "model.safetensors").read_bytes() == before
    assert call(folders["bert"], folders["bert"], "-o", other, "--force").exit_code == 0
    assert (other / "model.safetensors").read_bytes() != before
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_is_no_model_is_never_overwritten(folders, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep")
    done = call(folders["bert"], folders["bert"], "-o", tmp_path / "mine", "--force")
    assert done.exit_code == 2
    assert (tmp_path / "mine" / "letter.txt").read_text() == "keep"


def test_files_and_folders_are_not_mixed(folders, tmp_path):
    file = write(tmp_path / "a.safetensors", *model(0))
    done = call(folders["bert"], file, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "files and folders" in done.output


def test_a_link_is_not_overwritten(folders, tmp_path):
    other = folder_of("bert", tmp_path / "other", 5)
    (tmp_path / "link").symlink_to(other)
    done = call(folders["bert"], folders["bert"], "-o", tmp_path / "link", "--force")
    assert done.exit_code == 2
    assert "is a link to a folder" in done.output
    assert (tmp_path / "link").is_symlink()


def test_a_file_out_of_a_folder_is_told_its_folder(folders, tmp_path):
    file = folders["bert"] / "model.safetensors"
    done = call(file, file, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert f"give its folder {folders['bert']}" in done.output
