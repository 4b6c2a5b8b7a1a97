"""What becomes of a run when a process dies: it goes on without a client, and a killed server's run can be resumed."""

import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from fedot.deploy.submit import submit
from fedot.errors import FedotError
from fedot.report import load_results
from fedot.scenario import dump_scenario, parse_scenario
from tests.e2e.federation import Federation, federation
from tests.federation.conftest import TINY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

NODES = {"client-0": 0, "client-1": 1}
ONE: dict[str, Any] = {**TINY, "strategies": ["ot-fusion"], "references": []}


def settings(there: Federation, out: str, **changes: Any) -> dict[str, bool | str]:
    path = there.folder / f"{out}.yaml"
    path.write_text(dump_scenario(parse_scenario({**ONE, **changes, "base_dir": there.folder})))
    return {"scenario": str(path), "out-dir": str(there.folder / out), "progress": True}


def when_told(word: str, act: Any) -> Any:
    """A listener that acts once, when the run first says a word."""
    done = threading.Event()

    def tell(line: str) -> None:
        if word in line and not done.is_set():
            done.set()
            act()

    return tell


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "models" / "ot-fusion-seed0.safetensors")


def test_a_client_that_never_comes_back_is_named_and_the_run_ends(tmp_path: Path) -> None:
    with federation(tmp_path, NODES) as there:
        wanted = settings(there, "out", references=["parents"], seeds=[0])
        told = when_told("strategies", there.supernodes["client-1"].kill)  # trained, but not yet evaluated
        submit(there.link, wanted, len(NODES), tell=told)
        results = load_results(tmp_path / "out" / "results.json")
        assert {row["split"] for row in results["rows"] if row["strategy"] == "ot-fusion"} == {"xed-en"}
        assert any("no figures of xed-fi" in notice for notice in results["provenance"]["notices"])
        assert weights(tmp_path / "out")


def test_a_client_killed_in_training_and_restarted_costs_at_most_its_part(tmp_path: Path) -> None:
    with federation(tmp_path, NODES) as there:

        def restart() -> None:
            there.supernodes["client-1"].kill()
            there.start_supernode("client-1", 1, 2)

        submit(there.link, settings(there, "out"), len(NODES), tell=when_told("is started", restart))
        results = load_results(tmp_path / "out" / "results.json")
        assert any(row["strategy"] == "ot-fusion" for row in results["rows"])
        assert weights(tmp_path / "out")


def test_a_killed_superlink_is_one_line_and_its_run_can_be_resumed(tmp_path: Path) -> None:
    with federation(tmp_path, NODES) as there:
        wanted = settings(there, "out", seeds=[0, 1])

        def die() -> None:
            assert there.superlink is not None
            there.superlink.kill(signal.SIGKILL)

        with pytest.raises(FedotError) as found:
            submit(there.link, wanted, len(NODES), tell=when_told("seed 0: ot-fusion", die))
        assert "\n" not in str(found.value)
        assert not list((tmp_path / "out").rglob("*.part"))
        there.start_superlink()
        submit(there.link, {**wanted, "resume": True}, len(NODES), wait=180)
        results = load_results(tmp_path / "out" / "results.json")
        assert {row["seed"] for row in results["rows"]} == {0, 1}
        submit(there.link, settings(there, "again", seeds=[0, 1]), len(NODES))
        for name, tensor in weights(tmp_path / "again").items():
            assert torch.equal(weights(tmp_path / "out")[name], tensor)
