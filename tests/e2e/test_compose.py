"""The compose file on a real engine: it ends well, leaves its results, and keeps clients apart; run with -m docker."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fedot.scenario import load_scenario
from fedot.scenario.yaml_file import runs_of
from tests.federation.test_run import run

ROOT = Path(__file__).parents[2]
PROJECT = "fedot-test"

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]


def docker(*arguments: str, check: bool = True, **environment: str) -> str:
    command = ["docker", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def compose(*arguments: str, project: str = PROJECT, check: bool = True, **environment: str) -> str:
    return docker("compose", "--project-name", project, *arguments, check=check, **environment)


def _private_folder(factory: pytest.TempPathFactory, k: int) -> Path:
    """A client's own folder, which every user of this machine may read: only mounts keep clients apart."""
    folder = factory.mktemp(f"data-{k}")
    (folder / f"secret-of-{k}.txt").write_text("")
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def engine() -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker engine is running here")


@pytest.fixture(scope="module")
def finished(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run the small bilingual scenario by `docker compose up`; give what is in the volume of results."""
    folder = tmp_path_factory.mktemp("compose")
    data = {f"FEDOT_DATA_{k}": str(_private_folder(tmp_path_factory, k)) for k in (0, 1)}
    os.environ.update(data)  # for what the tests start afterwards, too
    try:
        compose("build")
        compose("up", "--abort-on-container-failure", FEDOT_PROFILE="small")
        states = [json.loads(line) for line in compose("ps", "--all", "--format", "json").splitlines()]
        assert {state["Service"]: state["ExitCode"] for state in states} == dict.fromkeys(
            ["keys", "superlink", "front", "register", "supernode-0", "supernode-1", "run"], 0
        )
        mounts = ("--volume", f"{PROJECT}_results:/results:ro", "--volume", f"{folder}:/out")
        docker("run", "--rm", "--user", "root", *mounts, "fedot", "cp", "-r", "/results", "/out/")
        yield folder / "results"
    finally:
        compose("down", "--volumes", "--remove-orphans", check=False)
        for name in data:
            del os.environ[name]
        left = docker("volume", "ls", "--format", "{{.Name}}", check=False).splitlines()
        assert not [name for name in left if name.startswith(PROJECT)]


def test_the_report_the_results_and_the_models_are_left(finished: Path) -> None:
    assert (finished / "report.html").stat().st_size > 10_000
    assert json.loads((finished / "status.json").read_text())["state"] == "finished"
    results = json.loads((finished / "results.json").read_text())
    assert results["provenance"]["engine"] == "deployment"
    assert {"fedavg", "ot-fusion", "parent:xed-en"} <= {row["strategy"] for row in results["rows"]}
    assert (finished / "models" / "ot-fusion-seed0.safetensors").is_file()


def test_the_fused_weights_are_those_of_one_process(finished: Path) -> None:
    """To 1e-4, since the image's torch may be another build; on the same build to 1e-6 (`test_federation`)."""
    (small,) = runs_of(ROOT / "scenarios" / "bilingual.yaml", "small")
    scenario = load_scenario(ROOT / "scenarios" / "bilingual.yaml", [*small.overrides, "data.source=stand-in"])
    wanted = run(scenario).models["ot-fusion", 0][0]
    found = load_file(finished / "models" / "ot-fusion-seed0.safetensors")
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("finished")
def test_nobody_is_root_and_a_node_sees_its_own_key_only() -> None:
    for service in ("superlink", "front", "supernode-0", "supernode-1", "run"):
        command = "id -u; ls -R /keys; touch /app/x || echo read-only"
        told = compose("run", "--rm", "--no-deps", "--entrypoint", "sh", service, "-c", command)
        assert "read-only" in told
        assert told.splitlines()[0] == "10001"
        assert "ca.key" not in told
        assert ("server.key" in told) == (service in ("superlink", "front"))
        assert ("/keys/owner" in told and "key" in told.partition("/keys/owner:")[2].split("\n\n")[0]) == (
            service == "run"
        )


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("service", ["superlink", "supernode-0", "supernode-1", "run"])
def test_data_of_a_client_are_seen_by_it_alone_and_cannot_be_changed(service: str) -> None:
    command = "find / -name 'secret-of-*' 2>/dev/null; touch /data/x 2>/dev/null || echo read-only"
    told = compose("run", "--rm", "--no-deps", "--entrypoint", "sh", service, "-c", command).split()
    own = [f"/data/secret-of-{service[-1]}.txt"] if service.startswith("supernode") else []
    assert told == [*own, "read-only"]


@pytest.mark.usefixtures("finished")
def test_a_client_keeps_its_models_in_a_volume_of_its_own() -> None:
    kept = []
    for service in ("supernode-0", "supernode-1"):
        told = compose("run", "--rm", "--no-deps", "--entrypoint", "sh", service, "-c", "find /cache -type f")
        kept.append({line for line in told.split() if line.endswith(".safetensors")})
    assert all(kept)
    assert not kept[0] & kept[1]


@pytest.mark.usefixtures("finished")
def test_a_node_cannot_even_name_the_superlink_and_the_front_lets_no_command_through() -> None:
    """From a SuperNode's own container, with all that it holds."""
    try:
        compose("run", "--rm", "--no-deps", "keys")  # which takes the mark away on which all would end
        compose("up", "--detach", "--no-deps", "superlink", "front")
        reach = (
            "import socket, ssl, sys, http.client as h, time\n"
            "def unknown(name):\n"
            "    try: socket.create_connection((name, 8000), 5)\n"
            "    except OSError: return True\n"
            "trusted = ssl.create_default_context(cafile='/keys/public/ca.crt')\n"
            "for _ in range(60):\n"
            "    try: socket.create_connection(('front', 8000), 5); break\n"
            "    except OSError: time.sleep(1)\n"
            "front = h.HTTPSConnection('front', 8000, context=trusted, timeout=20)\n"
            "front.request('POST', '/v1/control/list-runs', b'', {'content-type': 'application/x-protobuf'})\n"
            "print(unknown('superlink'), front.getresponse().status)"
        )
        found = compose("run", "--rm", "--no-deps", "--entrypoint", "python", "supernode-0", "-c", reach)
        assert found.split() == ["True", "403"]
    finally:
        compose("stop", "superlink", "front", check=False)


STUDY = """name: own-checkpoint
clients:
  - {dataset: xed, lang: en, examples: 60, test_examples: 30}
  - {dataset: xed, lang: fi, examples: 60, test_examples: 30}
model: {pretrained: tiny, max_length: 16}
train: {epochs: 1, batch_size: 32, lora: {rank: 2}}
init: shared
strategies: [lora-products]
references: []
data: {source: stand-in}
"""
MOUNTED = """services:
  superlink: {{volumes: ["{0}:/study:ro"]}}
  run: {{volumes: ["{0}:/study:ro"]}}
"""


@pytest.mark.usefixtures("engine")
def test_clients_fine_tune_a_checkpoint_of_a_volume_that_the_server_has_not(tmp_path: Path) -> None:
    from tests.tiny_checkpoint import tiny_checkpoint

    name, study, more = f"{PROJECT}-checkpoint", tmp_path / "study", tmp_path / "more.yml"
    tiny_checkpoint(tmp_path / "models" / "tiny")
    study.mkdir()
    (study / "own.yaml").write_text(STUDY)
    more.write_text(MOUNTED.format(study))
    for path in (tmp_path, *tmp_path.rglob("*")):  # every user of this machine may read them
        path.chmod(0o755)
    files = ("--file", "docker-compose.yml", "--file", str(more))
    try:
        compose(*files, "build", project=name)
        compose(
            *(*files, "up", "--abort-on-container-failure"),
            project=name,
            FEDOT_SCENARIO="/study/own.yaml",
            FEDOT_MODELS=str(tmp_path / "models"),
        )
        seen = docker("run", "--rm", "--volume", f"{name}_results:/results:ro", "fedot", "find", "/results/models")
        assert "/results/models/lora-products-seed0/adapter_model.safetensors" in seen.split()
        assert "/results/models/lora-products-seed0/README.md" in seen.split()
    finally:
        compose(*files, "down", "--volumes", "--remove-orphans", project=name, check=False)


@pytest.mark.usefixtures("engine")
def test_the_insecure_file_runs_too_and_says_so() -> None:
    files = ("--file", "docker-compose.yml", "--file", "compose.insecure.yml")
    name = f"{PROJECT}-insecure"
    try:
        compose(*files, "build", project=name)
        up = (*files, "up", "--abort-on-container-failure")
        compose(*up, project=name, FEDOT_SCENARIO="scenarios/quickstart.yaml")
        logs = compose(*files, "logs", "--no-color", "superlink", project=name)
        assert "insecure" in logs.lower()
        told = compose(*files, "ps", "--all", "--format", "json", project=name)
        states = {state["Service"]: state["ExitCode"] for state in map(json.loads, told.splitlines())}
        assert set(states.values()) == {0}
        done = docker("run", "--rm", "--volume", f"{name}_results:/results:ro", "fedot", "cat", "/results/status.json")
        assert json.loads(done)["state"] == "finished"
    finally:
        compose(*files, "down", "--volumes", "--remove-orphans", project=name, check=False)
