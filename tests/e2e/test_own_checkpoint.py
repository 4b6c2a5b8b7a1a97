"""Two clients fine-tune a checkpoint that the server has never seen: adapters come and go, and are what is left."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fedot.report import load_results
from fedot.report.analysis.entries import quantity
from fedot.scenario import dump_scenario, parse_scenario
from tests.e2e.federation import federation

pytest.importorskip("peft")

pytestmark = pytest.mark.timeout(600)

SCENARIO = {
    "name": "own-checkpoint",
    "clients": [{"dataset": "xed", "lang": lang, "examples": 60, "test_examples": 30} for lang in ("en", "fi")],
    "model": {"pretrained": "tiny", "max_length": 16},
    "train": {"epochs": 1, "batch_size": 32, "lora": {"rank": 2}},
    "init": "shared",
    "strategies": ["lora-products"],
    "references": [],
    "seeds": [0],
    "data": {"source": "stand-in"},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of one round, by the command."""
    from tests.tiny_checkpoint import tiny_checkpoint

    folder = tmp_path_factory.mktemp("own-checkpoint")
    tiny_checkpoint(folder / "models" / "tiny")
    (folder / "scenario.yaml").write_text(dump_scenario(parse_scenario({**SCENARIO, "base_dir": folder})))
    with federation(folder, {"north": 0, "south": 1}, FEDOT_MODELS=str(folder / "models")) as running:
        command = [sys.executable, "-m", "fedot.deploy", "run", str(folder / "scenario.yaml")]
        command += ["--out", str(folder / "out"), "--superlink", running.link.address]
        command += ["--root-certificates", str(running.link.root_certificates), "--signing-key", str(running.owner)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
        logs = {name: program.text()[-2000:] for name, program in running.supernodes.items()}
        assert done.returncode == 0, (done.stderr, logs)
    return folder / "out"


def test_it_ends_and_its_report_tells_what_was_sent(finished: Path) -> None:
    results = load_results(finished / "results.json")
    assert results["provenance"]["complete"]
    assert not results["failures"]
    (row,) = [row for row in results["rows"] if row["strategy"] == "lora-products" and row["split"] == "all"]
    whole = (finished.parent / "models" / "tiny" / "model.safetensors").stat().st_size
    assert 0 < row["bytes_up"] < 2 * whole  # of two clients
    assert quantity(row["bytes_up"]) in (finished / "report.html").read_text(encoding="utf-8").replace("\u00a0", " ")


def test_the_server_is_left_with_adapters_that_peft_loads(finished: Path) -> None:
    folder = finished / "models" / "lora-products-seed0"
    settings = json.loads((folder / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == "tiny"
    assert (folder / "adapter_model.safetensors").is_file()
    assert not (folder / "config.json").exists()
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "library_name: peft" in card
    assert "base_model: [tiny]" in card
