"""Trainings shared by runs, runs that go on where they stopped, profiles and variants: all by the command line."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import flwr.app  # noqa: F401
    from click.testing import Result
    from typer.testing import CliRunner

from fedot.commands import simulate
from fedot.federation.client import handlers as client_side
from fedot.federation.experiment import references
from fedot.federation.experiment import run as run_module
from fedot.report import load_results
from fedot.standin import sentences as standin
from fedot.storage.atomic import claimed
from fedot.storage.tensor_file import TensorFile

ROOT = Path(__file__).parents[1]
TINY = """# Does it go on?
name: tiny
clients:
  - {dataset: xed, lang: en, examples: 90, test_examples: 30}
  - {dataset: xed, lang: fi, examples: 80, test_examples: 30}
tokenizer: {vocab_size: 150}
model: {name: encoder, d_model: 8, n_layer: 1, n_head: 2, d_ff: 16, max_length: 12}
train: {epochs: 1, batch_size: 32}
strategies: [fedavg, ot-fusion]
references: [parents, centralised]
seeds: [0, 1]
data: {source: stand-in}
profiles:
  small: {seeds: [5], train.batch_size: 16}
  one: {variants: [wide], seeds: [5]}
  odd: {variants: [huge]}
"""
VARIANTS = """variants:
  narrow: {model.d_ff: 16}
  wide: {model.d_ff: 24, train.batch_size: 8}
"""

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undrawn: None) -> Call:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(standin, "TRAIN_ROWS", 400)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "tiny.yaml").write_text(TINY)

    def invoke(*options: str) -> Result:
        return CliRunner().invoke(simulate.cli, ["tiny.yaml", "--device", "cpu", "--workers", "0", *options])

    return invoke


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds of the trainings that were really carried out."""
    done: list[int] = []

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def train(*args: Any, **kwargs: Any) -> Any:
            done.append(kwargs["seed"])
            return real(*args, **kwargs)

        return train

    for module in (client_side, references):
        monkeypatch.setattr(module, "train", counted(module.train))
    return done


def content(folder: str) -> dict[str, Any]:
    """Results without whatever hangs on the clock or the command."""
    results = load_results(Path(folder) / "results.json")
    for key in ("seconds", "started", "command", "commit"):
        del results["provenance"][key]
    for entry in (*results["rows"], *results["training"]):
        del entry["seconds"]
    return results


def models(folder: str) -> dict[str, Any]:
    """Tensors and metadata of every model; their order in a file is left to chance."""
    files = [TensorFile(path) for path in Path(folder, "models").iterdir()]
    return {file.path.name: (file.metadata, {k: t.numpy().tobytes() for k, t in file.items()}) for file in files}


def refused(result: Result, *parts: str) -> None:
    assert result.exit_code == 2, result.output
    [line] = [line for line in result.stderr.strip().splitlines() if not line.startswith("tiny: ")]
    assert all(part in line for part in parts), line


def test_a_cache_changes_the_time_only(call: Call, trainings: list[int]) -> None:
    assert call("--seeds", "0", "--out", "a", "--cache", "kept").exit_code == 0
    assert len(trainings) == 3  # two clients and the centralised reference
    assert call("--seeds", "0", "--out", "b", "--cache", "kept").exit_code == 0
    assert len(trainings) == 3
    assert call("--seeds", "0", "--out", "c", "--no-cache").exit_code == 0
    assert len(trainings) == 6
    assert content("a") == content("b") == content("c")
    assert models("a") == models("b") == models("c")
    told = [load_results(Path(name, "results.json"))["training"] for name in ("a", "b")]
    assert told[0] == told[1]  # the seconds, too, are those of the training
    assert not Path("cache/fedot").exists()  # matplotlib has one of its own there


def test_a_changed_setting_trains_again_and_another_strategy_does_not(call: Call, trainings: list[int]) -> None:
    assert call("--seeds", "0", "--out", "a").exit_code == 0
    assert call("--seeds", "0", "--out", "b", "--set", "strategies=[fedavg-token-rows]").exit_code == 0
    assert len(trainings) == 3
    assert call("--seeds", "0", "--out", "c", "--set", "train.lr=0.01").exit_code == 0
    assert len(trainings) == 6
    assert list(Path("cache/fedot/models").glob("*.safetensors"))


def test_cache_options_are_one_or_the_other(call: Call) -> None:
    refused(call("--cache", "x", "--no-cache"), "--cache and --no-cache")
    refused(call("--force", "--resume"), "--force", "--resume")
    refused(call("--cache", "/proc/none"), "/proc/none", "--no-cache")


def test_an_interrupted_run_goes_on(call: Call, monkeypatch: pytest.MonkeyPatch, trainings: list[int]) -> None:
    assert call("--out", "whole", "--no-cache").exit_code == 0
    trainings.clear()

    def dying(seed: Any, pending: Any) -> None:
        if seed.number == 1:  # in the middle: its strategies are done
            raise KeyboardInterrupt
        real(seed, pending)

    real = run_module.score_centralised
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "score_centralised", dying)
        assert call("--out", "o", "--no-cache").exit_code != 0
    assert {row["seed"] for row in load_results(Path("o/results.json"))["rows"]} == {0, 1}
    assert "This run is incomplete." in Path("o/report.html").read_text(encoding="utf-8")
    assert len(trainings) == 5
    trainings.clear()
    refused(call("--out", "o"), "--resume")
    assert call("--out", "o", "--no-cache", "--resume").exit_code == 0
    assert trainings == [19_999]  # of seed 1 what was left, and nothing of seed 0
    assert content("o") == content("whole")
    assert "This run is incomplete." not in Path("o/report.html").read_text(encoding="utf-8")
    assert models("o") == models("whole")
    assert call("--out", "o", "--no-cache", "--resume").exit_code == 0  # nothing is left to do
    assert len(trainings) == 1
    assert content("o") == content("whole")


def test_only_the_same_scenario_is_resumed(call: Call) -> None:
    assert call("--out", "o", "--seeds", "0").exit_code == 0
    before = Path("o/results.json").read_bytes()
    refused(call("--out", "o", "--resume", "--seeds", "0", "--set", "train.lr=0.01"), "another scenario", "train")
    refused(call("--out", "o", "--resume", "--seeds", "1,0"), "another scenario", "seeds")
    assert Path("o/results.json").read_bytes() == before


def test_a_run_of_an_older_release_is_resumed(call: Call) -> None:
    """Its results do not name what scenarios could not say yet, and its task by a former name; both mean the same."""
    assert call("--out", "o", "--seeds", "0").exit_code == 0
    path = Path("o/results.json")
    results = json.loads(path.read_text())
    del results["scenario"]["transfer"], results["scenario"]["train"]["label_smoothing"]
    results["scenario"]["task"] = "sentiment"
    path.write_text(json.dumps(results))
    written = Path("o/scenario.yaml")
    assert "task: classification\n" in written.read_text()
    written.write_text(written.read_text().replace("task: classification\n", "task: sentiment\n"))
    assert call("--out", "o", "--seeds", "0,1", "--resume").exit_code == 0
    assert {row["seed"] for row in load_results(path)["rows"]} == {0, 1}


def test_two_runs_do_not_share_a_folder(call: Call, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    with claimed(tmp_path / "o"):
        refused(call("--out", "o", "--seeds", "0"), "another run writes to", "o now")
    assert list((tmp_path / "o").iterdir()) == []
    assert call("--out", "o", "--seeds", "0").exit_code == 0


def test_force_does_not_clear_the_folder_of_a_run_that_goes_on(call: Call, tmp_path: Path) -> None:
    assert call("--out", "o", "--seeds", "0").exit_code == 0
    before = content("o"), models("o")
    with claimed(tmp_path / "o"):
        refused(call("--out", "o", "--seeds", "0", "--force"), "another run writes to")
    assert (content("o"), models("o")) == before


def test_a_run_can_be_made_longer(call: Call, trainings: list[int]) -> None:
    assert call("--out", "short", "--seeds", "0", "--no-cache").exit_code == 0
    once = len(trainings)
    assert call("--out", "short", "--seeds", "0,1", "--no-cache", "--resume").exit_code == 0
    assert len(trainings) == 2 * once
    assert call("--out", "whole", "--seeds", "0,1", "--no-cache").exit_code == 0
    assert content("short") == content("whole")


def test_resuming_what_never_began_is_a_run(call: Call) -> None:
    assert call("--out", "o", "--seeds", "0", "--resume").exit_code == 0
    assert load_results(Path("o/results.json"))["provenance"]["complete"]


def test_data_from_elsewhere_are_not_mixed_in(call: Call) -> None:
    assert call("--out", "o", "--seeds", "0,1").exit_code == 0
    path = Path("o/results.json")
    results = json.loads(path.read_text())
    for about in results["provenance"]["data"].values():
        about["source"] = "hub"
    results["provenance"]["finished"]["seeds"] = [0]
    path.write_text(json.dumps(results))
    refused(call("--out", "o", "--seeds", "0,1", "--resume"), "came from hub, and now from stand-in", "--data-dir")


def test_a_profile_is_applied_and_written_down(call: Call) -> None:
    assert call("--profile", "small", "--set", "references=[]").exit_code == 0
    results = load_results(Path("runs/tiny-small/results.json"))
    assert results["scenario"]["seeds"] == [5]
    assert results["scenario"]["train"]["batch_size"] == 16
    assert "batch_size: 16" in Path("runs/tiny-small/scenario.yaml").read_text()
    assert "profiles" not in Path("runs/tiny-small/scenario.yaml").read_text()


def test_what_is_not_there_is_refused_with_what_is(call: Call) -> None:
    refused(call("--profile", "smal"), "no profile 'smal'", "did you mean 'small'", "'small', 'one'")
    refused(call("--variant", "wide"), "no variant 'wide'", "it has none")
    with Path("tiny.yaml").open("a") as file:
        file.write(VARIANTS)
    refused(call("--profile", "odd"), "no variant 'huge'", "'narrow', 'wide'")
    with Path("tiny.yaml").open("a") as file:
        file.write("  broken: {train.epohcs: 3}\n")
    refused(call(), "train.epohcs")
    assert not Path("runs").exists()  # all are checked before the first begins


def test_variants_share_trainings_and_end_on_one_page(call: Call, trainings: list[int]) -> None:
    with Path("tiny.yaml").open("a") as file:
        file.write(VARIANTS + "  'Narrow, again!': {strategies: [fedavg]}\n")
    result = call("--seeds", "0", "--out", "o")
    assert result.exit_code == 0, result.output
    assert len(trainings) == 6  # narrow and narrow again are the same trainings
    found = {path.parent.name: load_results(path)["scenario"] for path in Path("o").glob("*/results.json")}
    assert found.keys() == {"narrow", "wide", "narrow-again"}
    assert [found[name]["model"]["d_ff"] for name in ("narrow", "wide")] == [16, 24]
    page = Path("o/compare.html").read_text()
    assert "Narrow, again!" in page


def test_one_variant_alone_and_a_profile_over_it(call: Call) -> None:
    with Path("tiny.yaml").open("a") as file:
        file.write(VARIANTS)
    assert call("--variant", "wide", "--profile", "small", "--set", "references=[]").exit_code == 0
    [found] = Path("runs/tiny-small").glob("*/results.json")
    assert found.parent.name == "wide"
    scenario = load_results(found)["scenario"]
    assert (scenario["model"]["d_ff"], scenario["train"]["batch_size"]) == (24, 16)
    assert call("--profile", "one", "--set", "references=[]").exit_code == 0
    assert [path.parent.name for path in Path("runs/tiny-one").glob("*/results.json")] == ["wide"]


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    command = [sys.executable, "-m", "fedot.simulate", str(tmp_path / "tiny.yaml"), "--seeds", "0,1,2,3,4,5"]
    command += ["--workers", "0", "--no-cache"]
    process = subprocess.Popen([*command, "--out", str(tmp_path / "o")], cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 120
    while not (tmp_path / "o/results.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run([*command, "--out", str(tmp_path / "o"), "--resume"], cwd=ROOT, check=True)
    subprocess.run([*command, "--out", str(tmp_path / "whole")], cwd=ROOT, check=True)
    assert content(str(tmp_path / "o")) == content(str(tmp_path / "whole"))
    assert models(str(tmp_path / "o")) == models(str(tmp_path / "whole"))
