"""What cannot be fine-tuned is told in one line, before anything is trained or written."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from fedot.commands.fedot import cli
from fedot.errors import FedotError
from fedot.hf.checkpoint import open_checkpoint
from fedot.hf.checkpoint_spec import CheckpointSpec
from tests.pretrained.tiny import change, save, write_clients, write_scenario

Folders = Callable[[str], Path]
MODEL = {"pretrained": "./mine", "max_length": 12}


def fedot(*words: str) -> Any:
    return CliRunner().invoke(cli, list(words))


def no_tokenizer(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()


def slow_tokenizer(folder: Path) -> None:
    """A kind of which the library has no fast one."""
    no_tokenizer(folder)
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "CanineTokenizer"}', encoding="utf-8")


def three_classes(folder: Path) -> None:
    shutil.rmtree(folder)
    save("bert", folder, class_name="BertForSequenceClassification", num_labels=3)


def adapter(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text("{}", encoding="utf-8")


def missing_shard(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}), encoding="utf-8")


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def code_of_its_own(folder: Path) -> None:
    change(folder, auto_map={"AutoModel": "mine.Mine"})
    (folder / "mine.py").write_text("raise SystemExit('this code was run')", encoding="utf-8")


def code_of_its_tokenizer(folder: Path) -> None:
    change(folder, "tokenizer_config.json", auto_map={"AutoTokenizer": ["mine.Mine", "mine.Mine"]})
    (folder / "mine.py").write_text("raise SystemExit('this code was run')", encoding="utf-8")


def more_tokens_than_rows(folder: Path) -> None:
    path = folder / "tokenizer.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings["model"]["vocab"]["zebra"] = len(settings["model"]["vocab"])
    path.write_text(json.dumps(settings), encoding="utf-8")


def unknown_type(folder: Path) -> None:
    change(folder, model_type="nonesuch")


def endless(folder: Path) -> None:
    change(folder, num_hidden_layers=10**9)


def broken_json(folder: Path) -> None:
    (folder / "config.json").write_text("{", encoding="utf-8")


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


def a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("no folder", encoding="utf-8")


def nothing(folder: Path) -> None:
    """The checkpoint is as it should be."""


LORA = {"epochs": 1, "lora": {"rank": 2}}
CASES: dict[str, tuple[Callable[[Path], None], dict[str, Any], str]] = {
    "no such folder": (gone, {}, "no such folder is in"),
    "a file": (a_file, {}, "is no folder; name the folder in which config.json"),
    "no tokenizer": (no_tokenizer, {}, "has no tokenizer; save one there"),
    "a slow tokenizer": (slow_tokenizer, {}, "tokenizer"),
    "an adapter": (adapter, {}, "is a PEFT adapter, not a model; merge it"),
    "a missing shard": (missing_shard, {}, "has no model-00002-of-00002.safetensors"),
    "only a pickle": (pickled, {}, "pytorch_model.bin is .*, and is not read"),
    "code of its own": (code_of_its_own, {}, "comes with code of its own"),
    "a type of nobody": (unknown_type, {}, "nonesuch"),
    "more tokens than rows": (more_tokens_than_rows, {}, "has 31 tokens, but the model 30 rows"),
    "endless": (endless, {}, "num_hidden_layers a huge|num_hidden_layers 1000000000"),
    "no JSON": (broken_json, {}, "config.json"),
    "another key": (nothing, {"model": {**MODEL, "d_model": 8}}, "model.d_model does not go with model.pretrained"),
    "too long": (nothing, {"model": {**MODEL, "max_length": 99}}, "max_length is 99, but .* reads 20 tokens; lower it"),
    "no length": (nothing, {"model": {**MODEL, "max_length": "all"}}, "max_length is 'all'"),
    "no name": (nothing, {"model": {"pretrained": 7}}, "model.pretrained is 7"),
    "a name on the hub": (nothing, {"model": {"pretrained": "who/what"}}, "the hub did not give it .ConnectionError"),
    "lora without": (nothing, {"model": {"d_model": 8}, "train": LORA}, "train.lora trains adapters of a checkpoint"),
    "rank 0": (nothing, {"train": {"lora": {"rank": 0}}}, "train.lora.rank"),
    "alpha 0": (nothing, {"train": {"lora": {"alpha": 0}}}, "train.lora.alpha"),
    "neurons of adapters": (nothing, {"train": LORA, "strategies": ["ot-fusion"]}, "ot-fusion aligns neurons, and ada"),
    "aligned adapters": (
        *(nothing, {"train": LORA, "strategies": [{"name": "fedmedian", "align": "client"}]}),
        "aligns neurons, and adapters",
    ),
    "products of what": (nothing, {"strategies": ["lora-products"]}, "lora-products averages adapters, which not all"),
    "unequal ranks": (
        nothing,
        {"train": {"lora": {"rank": 2}}, "clients": "unequal"},
        "fedavg needs equal models, and the ranks of adapters differ; use lora-products",
    ),
    "no end": (nothing, {"task": "language-model"}, "no token that ends a text"),
}


def case(name: str, tmp_path: Path, checkpoints: Folders) -> tuple[Path, str]:
    spoil, changes, wanted = CASES[name]
    shutil.copytree(checkpoints("bert"), tmp_path / "mine")
    spoil(tmp_path / "mine")
    if changes.get("clients") == "unequal":
        first, second = write_clients(tmp_path)
        changes = {**changes, "clients": [{**first, "model": {"lora": {"rank": 3}}}, second]}
    if changes.get("task") == "language-model":
        clients = [{k: v for k, v in each.items() if k not in ("label", "labels")} for each in write_clients(tmp_path)]
        changes = {**changes, "clients": clients}
    return write_scenario(tmp_path, **changes), wanted


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("command", ["check", "simulate"])
def test_it_is_one_line_before_training(name: str, command: str, tmp_path: Path, checkpoints: Folders) -> None:
    import re

    path, wanted = case(name, tmp_path, checkpoints)
    out = ["--out", str(tmp_path / "out"), "--workers", "0", "--no-cache"] if command == "simulate" else []
    done = fedot(command, str(path), *out)
    assert done.exit_code == 2, done.output
    lines = [line for line in done.stderr.splitlines() if line and not line.startswith("tiny: 2 clients")]
    assert len(lines) == 1, lines
    assert re.search(wanted, lines[0]), lines[0]
    assert not (tmp_path / "out" / "results.json").exists()
    assert not (tmp_path / "out" / "models").exists()


@pytest.mark.parametrize("command", ["check", "simulate"])
def test_another_number_of_classes_than_the_data(command: str, tmp_path: Path, checkpoints: Folders) -> None:
    save("bert", tmp_path / "mine", class_name="BertForSequenceClassification", num_labels=3)
    out = ["--out", str(tmp_path / "out"), "--workers", "0", "--no-cache"] if command == "simulate" else []
    done = fedot(command, str(write_scenario(tmp_path)), *out)
    assert done.exit_code == 2, done.output
    assert "tells 3 classes apart, but the data have 2; save it without its head" in done.stderr
    assert not (tmp_path / "out" / "results.json").exists()


def test_code_of_a_tokenizer_is_not_run(tmp_path: Path, checkpoints: Folders) -> None:
    shutil.copytree(checkpoints("bert"), tmp_path / "mine")
    code_of_its_tokenizer(tmp_path / "mine")
    done = fedot("check", str(write_scenario(tmp_path)))
    assert "this code was run" not in done.output
    assert done.exit_code in (0, 2)


def test_of_a_class_without_known_symmetry_that_is_said(tmp_path: Path, checkpoints: Folders) -> None:
    shutil.copytree(checkpoints("electra"), tmp_path / "mine")
    done = fedot("check", str(write_scenario(tmp_path, strategies=["fedavg", "ot-fusion"])))
    assert done.exit_code == 2
    assert "ElectraForSequenceClassification" in done.stderr
    assert "use fedavg or another strategy that averages" in done.stderr


def test_a_check_tells_of_unknown_and_of_cut_texts(tmp_path: Path, checkpoints: Folders) -> None:
    shutil.copytree(checkpoints("bert"), tmp_path / "mine")
    path = write_scenario(tmp_path, model={"pretrained": "./mine", "max_length": 6})
    rows = (tmp_path / "north.csv").read_text(encoding="utf-8").splitlines()
    odd = [f"qqq {line}" if number % 2 else line for number, line in enumerate(rows)]
    (tmp_path / "north.csv").write_text("\n".join(odd) + "\n", encoding="utf-8")
    done = fedot("check", str(path))
    assert done.exit_code == 0, done.output
    assert "> 6" in done.output
    shown = [line.split() for line in done.output.splitlines() if "> 6" in line]
    assert [row[3] for row in shown] == ["6.7%", "0.0%"]  # half of the texts have an unknown word, of 7 or 8 tokens


def test_the_hub_is_asked_once_by_a_name_and_never_for_a_folder(
    tmp_path: Path, checkpoints: Folders, no_hub: list[str]
) -> None:
    shutil.copytree(checkpoints("bert"), tmp_path / "mine")
    assert fedot("check", str(write_scenario(tmp_path))).exit_code == 0
    assert no_hub == []
    fedot("check", str(write_scenario(tmp_path, model={"pretrained": "who/what"})))
    assert set(no_hub) == {"who/what"}


def test_without_the_library_a_name_on_the_hub_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(FedotError, match=r"^checkpoints need the transformers library: pip install"):
        open_checkpoint(CheckpointSpec("who/what"), ())


def test_a_checkpoint_is_found_where_the_environment_says(
    tmp_path: Path, checkpoints: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDOT_MODELS", f"{tmp_path}/none:{checkpoints('bert').parent}")
    path = write_scenario(tmp_path, model={"pretrained": "bert", "max_length": 12})
    assert fedot("check", str(path)).exit_code == 0
