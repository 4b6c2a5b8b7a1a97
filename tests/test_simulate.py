"""The command line: what it writes, what it refuses, and that nothing is lost."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import flwr.app  # noqa: F401
    from typer.testing import CliRunner, Result

import huggingface_hub

from fedot.commands import simulate
from fedot.commands.predict import cli as predict_cli
from fedot.commands.report import cli as report_cli
from fedot.federation.experiment import run as run_module
from fedot.federation.experiment.seed import Seed
from fedot.report.analysis.findings import findings
from fedot.scenario import load_scenario
from fedot.standin import sentences as standin
from fedot.tracking import at_the_end

ROOT = Path(__file__).parents[1]
TINY = """# Does it run at all?
name: tiny
clients:
  - {dataset: xed, lang: en, examples: 90, test_examples: 30}
  - {dataset: xed, lang: fi, examples: 80, test_examples: 30}
tokenizer: {vocab_size: 150}
model: {name: encoder, d_model: 8, n_layer: 1, n_head: 2, d_ff: 16, max_length: 12}
train: {epochs: 1, batch_size: 32}
strategies: [fedavg, ot-fusion]
references: [parents, ensemble]
seeds: [0]
data: {source: stand-in}
"""

Call = Callable[..., Result]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(standin, "TRAIN_ROWS", 400)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture
def call(scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undrawn: None) -> Call:
    monkeypatch.chdir(tmp_path)

    def invoke(*options: str, path: Path = scenario) -> Result:
        plain = ["--device", "cpu", "--workers", "0"]
        return CliRunner().invoke(simulate.cli, [str(path), *plain, *options])

    return invoke


def one_line(result: Result, *parts: str) -> None:
    """The run was refused in one line that holds all `parts`."""
    assert result.exit_code == 2
    [line] = [line for line in result.stderr.strip().splitlines() if not line.startswith("tiny: ")]  # progress
    assert line.startswith("error: ")
    assert all(part in line for part in parts), line
    assert "Traceback" not in result.output


def test_a_run_writes_all_that_it_promises(call: Call, tmp_path: Path) -> None:
    result = call("--seeds", "3", "--set", "train.epochs=2")
    assert result.exit_code == 0, result.output
    out = tmp_path / "runs/tiny"
    results = json.loads((out / "results.json").read_text())
    assert results["schema"] == 1
    assert results["provenance"]["complete"]
    assert {row["seed"] for row in results["rows"]} == {3}
    assert "STAND-IN DATA" in result.output
    assert "report:  runs/tiny/report.html" in result.output
    first, *_ = result.stderr.splitlines()
    assert first == "tiny: 2 clients, 2 strategies, 1 round, 1 seed; results go to runs/tiny"
    steps = [line.split("% ")[1] for line in result.stderr.splitlines() if "% seed 3: " in line]
    assert [step.split(" (")[0] for step in steps] == [
        *("seed 3: asking the clients who they are", "seed 3: clients train", "seed 3: parents and ensemble"),
        *("seed 3: fedavg, round 1", "seed 3: ot-fusion, round 1"),
    ]
    assert findings(results).headline in " ".join(result.stdout.split())
    assert "could not be read" not in result.output + (out / "report.html").read_text()
    assert "<html" in (out / "report.html").read_text()
    as_run = load_scenario(out / "scenario.yaml")
    assert (as_run.seeds, as_run.train.epochs, as_run.question) == ((3,), 2, "Does it run at all?")
    assert {path.name for path in (out / "models").iterdir()} == {
        "fedavg-seed3.safetensors",
        "ot-fusion-seed3.safetensors",
        "parent-xed-en-seed3.safetensors",
        "parent-xed-fi-seed3.safetensors",
    }
    with safe_open(out / "models/ot-fusion-seed3.safetensors", "pt") as file:
        assert json.loads(file.metadata()["config"])["d_model"] == 8
        assert json.loads(file.metadata()["tokenizer"])["model"]["vocab"]
        assert json.loads(file.metadata()["classes"]) == ["negative", "positive"]
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


def test_the_commands_that_it_names_run_as_they_stand(call: Call, tmp_path: Path) -> None:
    options = ["strategies=[ot-fusion]", "tokenizer.scope=per-client"]
    for more in ([], [part for option in options for part in ("--set", option)]):
        result = call("--force", *more)
        assert result.exit_code == 0, result.output
        predict, report = result.stdout.split("next:\n")[1].splitlines()
        assert ("--tokenizer runs/tiny/models/parent-xed-en-seed0.safetensors" in predict) == bool(more)
        for step in (predict, report):
            name, *arguments = shlex.split(step)[3:]
            assert shlex.split(step)[:3] == ["python", "-m", "fedot"]
            done = CliRunner().invoke({"predict": predict_cli, "report": report_cli}[name], arguments)
            assert done.exit_code == 0, done.output
    assert (tmp_path / "runs/tiny/summary.tex").exists()


def test_tracking_is_asked_for_in_the_scenario_or_at_the_command(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for options in (["--track", "tensorboard"], ["--set", "tracking=[tensorboard]"]):
        with monkeypatch.context() as patch:
            patch.setattr(at_the_end, "find_spec", lambda _: None)
            result = call(*options)
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)  # before anything begins
        assert "fedot-fl[tensorboard]" in result.stderr
    one_line(call("--set", "tracking=[wandb]"), "tracking", "tensorboard")
    monkeypatch.setattr(at_the_end, "_write", lambda tool, file: f"{tool} has {file.name}")
    result = call("--set", "tracking=[mlflow]", "--track", "mlflow", "--track", "tensorboard")
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    assert [line for line in lines if "has results" in line] == [
        f"{tool}: {tool} has results.json" for tool in ("mlflow", "tensorboard")
    ]


def test_the_first_line_comes_before_anything_heavy_is_loaded(scenario: Path, tmp_path: Path) -> None:
    code = (
        "import sys, fedot.commands.simulate as s\n"
        "def check(*_): print(*sys.modules); raise SystemExit\n"
        "s.check_settings = check\n"
        f"s.cli([{str(scenario)!r}, '--out', {str(tmp_path / 'o')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.startswith("tiny: 2 clients")
    assert not {"torch", "tokenizers", "datasets", "matplotlib", "flwr"} & set(done.stdout.split())


def test_names_that_are_nearly_the_same_have_files_of_their_own(call: Call, tmp_path: Path) -> None:
    names = ("--set", "clients.0.name=ward/3", "--set", "clients.1.name=ward-3")
    result = call(*names, "--set", "strategies=[{name: fedavg, as: a.b}, {name: fedavg, as: a=b}]")
    assert result.exit_code == 0, result.output
    found = {path.name for path in (tmp_path / "runs/tiny/models").iterdir()}
    assert found == {f"{name}-seed0.safetensors" for name in ("a.b", "a%3Db", "parent-ward%2F3", "parent-ward-3")}
    one_line(call("--force", "--set", "clients.0.name=all"), "no client can be called all")
    one_line(call("--force", "--set", "strategies=[fedavg, {name: krum, as: parent-xed-en}]"), "parent-xed-en")


def test_the_same_command_gives_the_same_figures(call: Call, tmp_path: Path) -> None:
    rows = []
    for name in ("a", "b"):
        assert call("--out", name).exit_code == 0
        rows.append(rows_of(tmp_path / name))
    assert rows[0] == rows[1]
    assert models_of(tmp_path / "a") == models_of(tmp_path / "b")


def test_saved_parents_can_be_fused_by_hand(call: Call, tmp_path: Path) -> None:
    from fedot.from_disk.cli import cli

    assert call("--out", "o", "--set", "strategies=[ot-fusion]").exit_code == 0
    folder = tmp_path / "o/models"
    files = [str(folder / f"parent-xed-{lang}-seed0.safetensors") for lang in ("en", "fi")]
    done = CliRunner().invoke(cli, [*files, "-o", str(tmp_path / "by-hand.safetensors")])
    assert done.exit_code == 0, done.output
    with safe_open(tmp_path / "by-hand.safetensors", "pt") as file:
        found = file.metadata()
        assert json.loads(found["config"])["d_model"] == 8
        assert json.loads(found["tokenizer"])["model"]["vocab"]
        assert sum(json.loads(found["token-counts"])) > 0
        assert json.loads(found["classes"]) == ["negative", "positive"]


def test_a_client_uses_the_model_of_several_vocabularies(call: Call, tmp_path: Path) -> None:
    from fedot.commands.predict import cli

    options = ["strategies=[ot-fusion]", "tokenizer.scope=per-client"]
    assert call(*(part for option in options for part in ("--set", option))).exit_code == 0
    folder = tmp_path / "runs/tiny/models"
    asked = [str(folder / "ot-fusion-seed0.safetensors"), "The film was wonderful."]
    assert "give one of theirs" in CliRunner().invoke(cli, asked).stderr
    own = str(folder / "parent-xed-en-seed0.safetensors")
    done = CliRunner().invoke(cli, [*asked, "--tokenizer", own])
    assert done.exit_code == 0, done.output
    assert done.stdout.split("\t")[0] in ("negative", "positive")


def fused_models(folder: Path) -> list[str]:
    """Names of the saved models that are no parent's."""
    return [path.name for path in (folder / "models").iterdir() if not path.name.startswith("parent-")]


def rows_of(folder: Path) -> str:
    """The rows as they are in the file, all but the time they took."""
    found = json.loads((folder / "results.json").read_text())["rows"]
    assert found
    return json.dumps([{key: value for key, value in row.items() if key != "seconds"} for row in found])


def models_of(folder: Path) -> dict[str, dict[str, bytes]]:
    """Every tensor's bytes, by file and name."""
    found = {
        path.name: {name: tensor.numpy().tobytes() for name, tensor in load_file(path).items()}
        for path in (folder / "models").iterdir()
    }
    assert found
    return found


def test_unequal_clients_are_fused_and_the_mean_is_a_failure(call: Call, tmp_path: Path) -> None:
    options = ["clients.1.model={d_model: 16, d_ff: 24}", "tokenizer.scope=per-client", "train.epochs=1"]
    result = call(*(part for option in options for part in ("--set", option)))
    assert result.exit_code == 0, result.output
    out = tmp_path / "runs/tiny"
    results = json.loads((out / "results.json").read_text())
    [failure] = results["failures"]
    assert failure["strategy"] == "fedavg"
    assert "use ot-fusion" in failure["reason"]
    assert "fedavg" in result.stdout  # in the table, with its reason
    assert "ot-fusion" in {row["strategy"] for row in results["rows"]}
    assert fused_models(out) == ["ot-fusion-seed0.safetensors"]
    with safe_open(out / "models/ot-fusion-seed0.safetensors", "pt") as file:
        tokens = json.loads(file.metadata()["vocabulary"])
        assert len(tokens) == len(set(tokens)) == json.loads(file.metadata()["config"])["vocab_size"]
        assert file.get_tensor("tok_emb.weight").shape[0] == len(tokens)


def test_several_rounds(call: Call, tmp_path: Path) -> None:
    assert call("--set", "rounds=2", "--set", "references=[]").exit_code == 0
    results = json.loads((tmp_path / "runs/tiny/results.json").read_text())
    assert results["failures"] == []
    rounds = {(row["strategy"], row["round"]) for row in results["rows"]}
    assert rounds == {(name, k) for name in ("fedavg", "ot-fusion") for k in (1, 2)}


def test_an_earlier_run_is_kept_unless_forced(call: Call, tmp_path: Path) -> None:
    assert call("--out", "o", "--set", "references=[]").exit_code == 0
    before = (tmp_path / "o/results.json").read_bytes()
    (tmp_path / "o/mine.txt").write_text("keep")
    for name in ("best.safetensors", "mine-seed0.safetensors"):
        save_file({"w": torch.ones(2)}, tmp_path / "o/models" / name)
    one_line(call("--out", "o"), "earlier run", "--force")
    assert (tmp_path / "o/results.json").read_bytes() == before
    assert call("--out", "o", "--force", "--set", "strategies=[fedavg]").exit_code == 0
    assert (tmp_path / "o/results.json").read_bytes() != before
    kept = ["best.safetensors", "mine-seed0.safetensors"]
    assert sorted(fused_models(tmp_path / "o")) == sorted([*kept, "fedavg-seed0.safetensors"])
    assert (tmp_path / "o/mine.txt").read_text() == "keep"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--set", "train.epohcs=2"], ["train.epohcs", "train.epochs"]),
        (["--set", "train.epochs=0"], ["train.epochs", "greater than or equal to 1"]),
        (["--set", "nonsense"], ["key=value"]),
        (["--seeds", "0,one"], ["seeds"]),
        (["--set", "strategies=[fedavgg]"], ["did you mean fedavg?"]),
        (["--set", "strategies=[{name: fedprox, proximal_muu: 1}]"], ["did you mean proximal_mu?"]),
        (["--set", "model.d_model=9"], ["d_model"]),
        (["--set", "model.name=encodr"], ["did you mean encoder?"]),
        (["--set", "clients.0.dataset=xedd"], ["xedd", "xed"]),
        (["--set", "train.lr=1e30"], ["train.lr"]),
        (["--data-dir", "nowhere"], ["nowhere"]),
        (["--out", "/proc/none"], ["/proc/none", "--out"]),
        (["--out", "tiny.yaml"], ["tiny.yaml", "--out"]),
    ],
)
def test_bad_input_gets_one_line(call: Call, options: list[str], parts: list[str]) -> None:
    one_line(call(*options), *parts)


def test_a_missing_scenario_gets_one_line(call: Call, tmp_path: Path) -> None:
    one_line(call(path=tmp_path / "none.yaml"), "none.yaml")


def test_a_run_that_got_nowhere_does_not_stand_in_the_way(call: Call) -> None:
    one_line(call("--set", "clients.0.dataset=xedd"), "xedd")
    assert call().exit_code == 0


@pytest.mark.skipif(os.environ.get("CUDA_VISIBLE_DEVICES") not in (None, ""), reason="there may be a GPU")
def test_a_missing_gpu_gets_one_line(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    one_line(CliRunner().invoke(simulate.cli, [str(scenario), "--device", "cuda"]), "--device cuda", "cpu")


def test_an_interrupt_keeps_what_is_finished(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seed: Seed, pool: Executor | None) -> None:
        if seed.number == 1:
            raise KeyboardInterrupt
        real(seed, pool)

    real = run_module.run_seed
    monkeypatch.setattr(run_module, "run_seed", interrupted)
    result = call("--seeds", "0,1")
    assert result.exit_code == 130
    results = json.loads((tmp_path / "runs/tiny/results.json").read_text())
    assert results["provenance"]["complete"] is False
    assert {row["seed"] for row in results["rows"]} == {0}
    assert (tmp_path / "runs/tiny/report.html").exists()
    assert "incomplete" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_command_and_all_its_processes(
    scenario: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "o"
    seeds = ",".join(map(str, range(200)))
    command = [sys.executable, "-m", "fedot.simulate", str(scenario), "--out", str(out), "--seeds", seeds]
    process = subprocess.Popen(
        [*command, "--workers", "2"], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not (out / "results.json").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(process.pid, number)  # as a terminal does
    _, told = process.communicate(timeout=60)
    assert process.returncode == code, told
    assert "Traceback" not in told
    results = json.loads((out / "results.json").read_text())
    assert results["provenance"]["complete"] is False
    assert results["rows"]
    deadline = time.monotonic() + 20
    while _members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _members(process.pid) == []


def _members(group: int) -> list[str]:
    """Living processes of a process group; a dead one that nobody has reaped yet does not count."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, fields = path.read_text().rsplit(")", 1)
            state, _, member = fields.split()[:3]
            if int(member) == group and state != "Z":
                found.append(name)
    return found


@pytest.mark.slow
def test_workers_do_not_change_the_figures(scenario: Path, tmp_path: Path) -> None:
    for workers in ("0", "2"):
        out = tmp_path / workers
        command = [
            sys.executable,
            "-m",
            "fedot.simulate",
            str(scenario),
            "--out",
            str(out),
            "--workers",
            workers,
        ]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert rows_of(tmp_path / "0") == rows_of(tmp_path / "2")
    assert models_of(tmp_path / "0") == models_of(tmp_path / "2")


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys, fedot.commands.simulate as s; s.cli(['--help'], standalone_mode=False); "
    code += "sys.exit(any(name in sys.modules for name in ('torch', 'flwr', 'datasets', 'pandas')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--engine" in done.stdout
