"""The real programs, with TLS and authentication: the same model as in one process; strangers are kept out."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fedot.deploy.keys import make_all
from fedot.deploy.submit import SuperLink, connection, online, submit
from fedot.errors import FedotError
from fedot.federation.engines.flower_cli import free_port
from fedot.report import load_results
from fedot.scenario import dump_scenario, parse_scenario
from tests.e2e.conftest import NODES
from tests.e2e.federation import Federation
from tests.federation.conftest import TINY
from tests.federation.test_run import run

pytestmark = pytest.mark.timeout(600)

ONE = {
    **TINY,
    "strategies": ["ot-fusion"],
    "references": [],
    "clients": [dict(c, examples=60) for c in TINY["clients"]],
}


@pytest.fixture(scope="module")
def finished(running: Federation) -> Path:
    """The output folder of one run, by the command."""
    folder = running.folder
    (folder / "tiny.yaml").write_text(dump_scenario(parse_scenario({**ONE, "base_dir": folder})))
    trust = ("--root-certificates", str(running.link.root_certificates), "--signing-key", str(running.owner))
    command = [sys.executable, "-m", "fedot.deploy", "run", str(folder / "tiny.yaml"), "--out", str(folder / "out")]
    command += ["--superlink", running.link.address, *trust]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    assert any("100 %" in line or "ot-fusion" in line for line in done.stderr.splitlines())
    assert "fedot.report" not in done.stdout  # the report is drawn
    return folder / "out"


def test_a_run_leaves_what_a_simulation_leaves(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} == {
        "results.json",
        "report.html",
        "scenario.yaml",
        "status.json",
        "models",
    }
    results = load_results(finished / "results.json")
    assert results["provenance"]["engine"] == "deployment"
    assert json.loads((finished / "status.json").read_text())["state"] == "finished"
    assert not list(finished.rglob("*.part"))


def test_the_fused_weights_are_those_of_one_process(finished: Path, tmp_path: Path) -> None:
    state = load_file(finished / "models" / "ot-fusion-seed0.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        outcome = run(parse_scenario({**ONE, "base_dir": tmp_path}))
    wanted = outcome.models["ot-fusion", 0][0]
    assert state.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(state[name], tensor, rtol=1e-5, atol=1e-6)
    rows = {row["split"]: row["metrics"]["accuracy"] for row in load_results(finished / "results.json")["rows"]}
    for row in outcome.rows(strategy="ot-fusion"):
        assert rows[row["split"]] == row["metrics"]["accuracy"]


def test_an_unregistered_node_is_refused(running: Federation, tmp_path: Path) -> None:
    make_all(tmp_path / "other", ["127.0.0.1"], ["stranger"])
    program = running.start_supernode("stranger", 0, 3, key=tmp_path / "other" / "nodes" / "stranger" / "key")
    assert program.process.wait(120) != 0
    assert "activate" in program.text()
    with connection(running.link) as environment:
        assert len(online(environment)) == len(NODES)


@pytest.mark.parametrize("days", [365.0, -1.0])
def test_a_certificate_of_another_authority_or_an_old_one_is_not_trusted(
    running: Federation, tmp_path: Path, days: float
) -> None:
    """Neither by who submits a run nor by a node."""
    keys = tmp_path / "keys"
    make_all(keys, ["127.0.0.1"], [], days)
    with (
        pytest.raises(FedotError, match="certificate"),
        connection(SuperLink(running.link.address, keys / "public" / "ca.crt")),
    ):
        pass
    program = running.start_supernode(
        "careful", 0, 3, ca=keys / "public" / "ca.crt", key=running.keys / "nodes" / "client-0" / "key"
    )
    with contextlib.suppress(AssertionError):
        program.wait_for("SuperNode ID", 15)
    assert "SuperNode ID" not in program.text()
    program.kill()


def test_nobody_there_is_one_line(tmp_path: Path) -> None:
    make_all(tmp_path, ["127.0.0.1"], [])
    link = SuperLink(f"127.0.0.1:{free_port()}", tmp_path / "public" / "ca.crt")
    with pytest.raises(FedotError) as found:
        submit(link, {}, 1, tmp_path / "owner" / "key", wait=0)
    assert str(found.value).startswith("no SuperLink answers at")


def test_missing_nodes_are_one_line(running: Federation) -> None:
    with pytest.raises(FedotError, match="2 of 3 SuperNodes are connected"):
        submit(running.link, {}, 3, running.owner, wait=0)
