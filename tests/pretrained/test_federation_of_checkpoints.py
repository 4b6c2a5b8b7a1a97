"""Whole federations of a tiny checkpoint, in process: strategies, folders, repeats, interruptions."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file
from typer.testing import CliRunner

import fedot
from fedot.commands.predict import cli as predict
from fedot.errors import FedotError
from fedot.federation.experiment import serve
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.results import load_results
from fedot.wire import checkpoints_here
from tests.pretrained.tiny import write_scenario

Folders = Callable[[str], Path]

WHOLE: list[Any] = [
    "fedavg",
    "fedavg-class-shares",
    "ot-fusion",
    {"name": "ot-fusion", "method": "regmean", "as": "regmean", "probe_texts": 32},
    {"name": "ot-fusion", "method": "fisher", "as": "fisher", "probe_texts": 32},
    {"name": "ot-fusion", "method": "aligned", "distil_steps": 2, "as": "distilled"},
]
LORA = {"epochs": 1, "batch_size": 16, "lr": 1e-2, "lora": {"rank": 2, "alpha": 4}}
TEXTS = ["the film was fine", "a cold and dull night", "we saw it"]


def started(folder: Path, checkpoint: Path, **changes: Any) -> Path:
    """A folder with a scenario and its checkpoint."""
    folder.mkdir(exist_ok=True)
    shutil.copytree(checkpoint, folder / "mine", dirs_exist_ok=True)
    return write_scenario(folder, **changes)


def run(path: Path, out: str = "out", **how: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return fedot.simulate(path, out=path.parent / out, **{"progress": False, "cache": False, **how})


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Tensors of all models of a run, by folder and name."""
    found = {file.parent.name: load_file(file) for file in sorted((folder / "models").glob("*/*.safetensors"))}
    return {f"{model}/{name}": t for model, tensors in found.items() for name, t in tensors.items()}


def figures(result: Any) -> list[Any]:
    return [(row["strategy"], row["round"], row["split"], row["metrics"]) for row in result.results["rows"]]


@pytest.fixture(scope="module")
def whole(checkpoints: Folders, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of all strategies for whole models."""
    path = started(tmp_path_factory.mktemp("whole"), checkpoints("bert"), strategies=WHOLE)
    return run(path)


@pytest.fixture(scope="module")
def adapted(checkpoints: Folders, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of the strategies for adapters."""
    folder = tmp_path_factory.mktemp("adapted")
    strategies = ["fedavg", "lora-products"]
    return run(started(folder, checkpoints("distilbert"), strategies=strategies, train=LORA))


def test_every_strategy_has_figures_and_none_fails(whole: Any) -> None:
    results = whole.results
    assert results["failures"] == []
    titles = {each if isinstance(each, str) else each.get("as", each["name"]) for each in WHOLE}
    assert {row["strategy"] for row in results["rows"]} == titles | {"parent:north", "parent:south"}
    assert {row["round"] for row in results["rows"] if row["strategy"] == "regmean"} == {1, 2}


def test_results_are_read_again(whole: Any) -> None:
    found = load_results(whole.folder / "results.json")
    assert found["scenario"]["model"]["pretrained"] == "./mine"


def test_a_folder_is_read_by_transformers_and_by_fedot_with_one_answer(whole: Any, tmp_path: Path) -> None:
    folder = whole.folder / "models" / "ot-fusion-seed0"
    model = fedot.read_model(folder)
    table = model.predict(TEXTS)
    pipe = transformers.pipeline("text-classification", model=str(folder), device="cpu")
    said = pipe(TEXTS)
    assert [each["label"] for each in said] == list(table["class"])
    assert {each["label"] for each in said} <= {"bad", "good"}
    assert [each["score"] for each in said] == pytest.approx(list(table["probability"]), abs=1e-5)
    done = CliRunner().invoke(predict, [str(folder), *TEXTS, "-o", str(tmp_path / "out.csv")])
    assert done.exit_code == 0, done.output
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split(",")[2].strip('"') for line in lines] == list(table["class"])


def test_the_folder_has_what_its_checkpoint_had(whole: Any) -> None:
    folder = whole.folder / "models" / "fedavg-seed0"
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {each.name for each in folder.iterdir()}
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert settings["id2label"] == {"0": "bad", "1": "good"}
    assert json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))["model_max_length"] == 12


def test_adapters_are_sent_and_whole_folders_written(adapted: Any) -> None:
    assert adapted.results["failures"] == []
    sent = {row["strategy"]: row["bytes_up"] for row in adapted.results["rows"] if row["split"] == "all"}
    assert 0 < sent["lora-products"] == sent["fedavg"]
    model = fedot.read_model(adapted.folder / "models" / "lora-products-seed0")
    assert isinstance(model.config, PretrainedConfig)
    assert model.config.lora_rank == 0
    assert sent["fedavg"] < 2 * 4 * sum(tensor.numel() for tensor in model.state.values())


@pytest.mark.parametrize("kind", ["roberta", "xlm-r", "gpt2", "electra"])
def test_any_class_is_averaged(kind: str, checkpoints: Folders, tmp_path: Path) -> None:
    fuses = kind != "electra"  # whose symmetry is not known
    path = started(tmp_path, checkpoints(kind), strategies=["fedavg", "ot-fusion"][: 1 + fuses], rounds=1)
    done = run(path)
    assert done.results["failures"] == []
    assert not [line for line in done.results["provenance"]["notices"] if "UNKNOWN" in line]
    table = fedot.read_model(tmp_path / "out" / "models" / "fedavg-seed0").predict(TEXTS)
    said = transformers.pipeline("text-classification", model=str(tmp_path / "out/models/fedavg-seed0"), device="cpu")
    scores = [each["score"] for each in said(TEXTS, truncation=True)]
    assert scores == pytest.approx(list(table["probability"]), abs=1e-5)


def assert_same_run(first: Any, second: Any) -> None:
    """Equal figures, and models of equal bits."""
    assert figures(first) == figures(second)
    one, two = weights(first.folder), weights(second.folder)
    assert one.keys() == two.keys()
    assert all(two[name].equal(tensor) for name, tensor in one.items())


def test_a_run_is_repeated_to_the_bit_by_any_number_of_processes(adapted: Any) -> None:
    path = adapted.folder.parent / "tiny.yaml"
    assert_same_run(adapted, run(path, "again", workers=2))


def test_half_precision_and_gradients_added_up_are_repeated_too(checkpoints: Folders, tmp_path: Path) -> None:
    train = {**LORA, "lora": None, "precision": "bfloat16", "accumulate": 3}
    path = started(tmp_path, checkpoints("bert"), train=train, rounds=1)
    assert_same_run(run(path, "first"), run(path, "second"))
    plain = run(path, "plain", set={"train.precision": "float32", "train.accumulate": 1})
    assert figures(plain) != figures(run(path, "first", resume=True))


def test_clients_of_unequal_rank(checkpoints: Folders, tmp_path: Path) -> None:
    path = started(tmp_path, checkpoints("bert"), train=LORA, strategies=["lora-products"])
    done = run(path, set={"clients.0.model": {"lora": {"rank": 1}}, "clients.1.model": {"lora": {"rank": 3}}})
    assert done.results["failures"] == []
    assert not [line for line in done.results["provenance"]["notices"] if "without" in line]


@pytest.mark.parametrize("train", [LORA, {**LORA, "lora": None}])
def test_a_server_without_the_checkpoint_gets_along(
    train: dict[str, Any], checkpoints: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (checkpoints_here, serve):
        for name in ("checkpoint_here", "checkpoint_named"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, lambda *_: None)
    strategies = ["fedavg", "lora-products" if train["lora"] else "ot-fusion"]
    path = started(tmp_path, checkpoints("bert"), train=train, strategies=strategies, references=[])
    done = run(path)
    assert done.results["failures"] == []
    for title in strategies:
        names = {each.name for each in (tmp_path / "out" / "models" / f"{title}-seed0").iterdir()}
        wanted = {"adapter_model.safetensors", "adapter_config.json"} if train["lora"] else {"model.safetensors"}
        assert wanted <= names


def test_what_was_interrupted_goes_on(checkpoints: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = started(tmp_path, checkpoints("bert"), seeds=[0, 1], rounds=1)
    whole = run(path, "whole")
    written = serve.write_checkpoint

    def full(place: Path, *args: Any, **more: Any) -> None:
        if place.name == "fedavg-seed1":
            raise FedotError("no space is left")
        written(place, *args, **more)

    monkeypatch.setattr(serve, "write_checkpoint", full)
    with pytest.raises(FedotError, match="no space is left, and go on with --resume"):
        run(path)
    assert not (tmp_path / "out" / "models" / "fedavg-seed1").exists()
    monkeypatch.setattr(serve, "write_checkpoint", written)
    assert figures(run(path, resume=True)) == figures(whole)
    one, two = weights(tmp_path / "whole"), weights(tmp_path / "out")
    assert one.keys() == two.keys()
    assert all(two[name].equal(tensor) for name, tensor in one.items())


def test_clients_align_by_themselves(checkpoints: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strategies = [{"name": name, "align": "client"} for name in ("ot-fusion", "fedmedian")]
    path = started(tmp_path, checkpoints("gpt2"), strategies=strategies)
    assert run(path).results["failures"] == []
    monkeypatch.setattr(checkpoints_here, "checkpoint_here", lambda *_: None)
    assert run(path, "without").results["failures"] == []


def test_force_removes_old_models_and_nothing_else(checkpoints: Folders, tmp_path: Path) -> None:
    path = started(tmp_path, checkpoints("bert"), rounds=1)
    run(path)
    models = tmp_path / "out" / "models"
    shutil.copytree(models / "fedavg-seed0", models / "krum-seed0")  # of an earlier run
    shutil.copytree(checkpoints("bert"), models / "mine-seed0")  # somebody else's
    (models / "notes-seed0").mkdir()
    (models / "notes-seed0" / "a.txt").write_text("mine", encoding="utf-8")
    run(path, force=True)
    assert {each.name for each in models.iterdir()} == {
        *("fedavg-seed0", "parent-north-seed0", "parent-south-seed0"),
        *("mine-seed0", "notes-seed0"),
    }
    assert (models / "notes-seed0" / "a.txt").read_text(encoding="utf-8") == "mine"
