"""What becomes of a run when a process dies: it goes on without a client, and a killed server's run can be resumed."""

import json
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
from tests.federation.test_run import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

NODES = {"client-0": 0, "client-1": 1}
ONE: dict[str, Any] = {**TINY, "strategies": ["ot-fusion"], "references": []}


def settings(there: Federation, out: str, **changes: Any) -> dict[str, bool | str]:
    path = there.folder / f"{out}.yaml"
    path.write_text(dump_scenario(parse_scenario({**ONE, **changes, "base_dir": there.folder})))
    return {"scenario": str(path), "out-dir": str(there.folder / out), "progress": True}


class when_told:  # noqa: N801
    """A listener that acts once, when the run first says a word."""

    def __init__(self, word: str, act: Callable[[], None]) -> None:
        self.word, self.act, self.done = word, act, threading.Event()

    def __call__(self, line: str) -> None:
        if self.word in line and not self.done.is_set():
            self.done.set()
            self.act()


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "models" / "ot-fusion-seed0.safetensors")


def test_a_client_that_never_comes_back_is_named_and_the_run_ends(tmp_path: Path) -> None:
    with federation(tmp_path, NODES) as there:
        wanted = settings(there, "out", references=["parents"], seeds=[0])
        told = when_told("strategies", there.supernodes["client-1"].kill)  # trained, but not yet evaluated
        submit(there.link, wanted, len(NODES), there.owner, tell=told)
        results = load_results(tmp_path / "out" / "results.json")
        assert {row["split"] for row in results["rows"] if row["strategy"] == "ot-fusion"} == {"xed-en"}
        assert any("no figures of xed-fi" in notice for notice in results["provenance"]["notices"])
        assert weights(tmp_path / "out")


def test_a_client_killed_in_training_and_restarted_costs_nothing(tmp_path: Path) -> None:
    """Its training fails, but it is back when the strategy asks, and trains then, to the same model."""
    with federation(tmp_path, NODES) as there:
        killed = threading.Event()

        def restart() -> None:
            while not there.stopping.wait(0.1):
                if '"seed 0: clients train"' in read(tmp_path / "out" / "status.json"):
                    there.supernodes["client-1"].kill()
                    killed.set()
                    there.revive("client-1", 1, 2)
                    return

        there.threads.append(threading.Thread(target=restart))
        there.threads[0].start()
        submit(there.link, settings(there, "out"), len(NODES), there.owner, tell=lambda _: None)
        assert killed.is_set()
    same_as_in_one_process(tmp_path)


def test_a_run_whose_superlink_is_restarted_goes_on(tmp_path: Path) -> None:
    """By itself if the ServerApp outlives it, or else when it is resumed."""
    with federation(tmp_path, NODES) as there:

        def restart() -> None:
            assert there.superlink is not None
            there.superlink.kill()
            there.start_superlink()

        told = when_told("strategies", restart)
        wanted = settings(there, "out")
        try:
            submit(there.link, wanted, len(NODES), there.owner, tell=told)
        except FedotError:
            submit(there.link, {**wanted, "resume": True}, len(NODES), there.owner, wait=180)
        assert told.done.is_set()
    same_as_in_one_process(tmp_path)


def test_a_run_whose_server_is_killed_between_rounds_is_one_line_and_goes_on(tmp_path: Path) -> None:
    with federation(tmp_path, NODES) as there:
        wanted, status = settings(there, "out", rounds=2), tmp_path / "out" / "status.json"

        def die() -> None:
            os.kill(json.loads(status.read_text())["pid"], signal.SIGKILL)

        with pytest.raises(FedotError) as found:
            submit(there.link, wanted, len(NODES), there.owner, tell=when_told("ot-fusion, round 1", die))
        assert "\n" not in str(found.value)
        assert list((tmp_path / "out" / ".checkpoint").iterdir())
        assert not list((tmp_path / "out").rglob("*.part"))
        told: list[str] = []
        submit(there.link, {**wanted, "resume": True}, len(NODES), there.owner, wait=180, tell=told.append)
        assert not (tmp_path / "out" / ".checkpoint").exists()
    same_as_in_one_process(tmp_path, rounds=2)


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    """On the same SuperNodes, with other seeds, each into a folder of its own."""
    with federation(tmp_path, NODES) as there:
        both = {out: settings(there, out, seeds=[seed]) for seed, out in enumerate(("one", "two"))}
        with ThreadPoolExecutor() as pool:
            ends = [
                pool.submit(submit, there.link, each, len(NODES), there.owner, tell=lambda _: None)
                for each in both.values()
            ]
        for end in ends:
            end.result()
    for seed, out in enumerate(both):
        same_as_in_one_process(tmp_path, out, seeds=[seed])


def same_as_in_one_process(folder: Path, out: str = "out", **changes: Any) -> None:
    results = load_results(folder / out / "results.json")
    assert results["failures"] == []
    assert results["provenance"]["complete"]
    wanted = run(parse_scenario({**ONE, **changes, "base_dir": folder}))
    seed = wanted.record.scenario.seeds[0]
    for name, tensor in load_file(folder / out / "models" / f"ot-fusion-seed{seed}.safetensors").items():
        torch.testing.assert_close(tensor, wanted.models["ot-fusion", seed][0][name], rtol=1e-5, atol=1e-6)
    accuracy = [(row["round"], row["split"], row["metrics"]["accuracy"]) for row in results["rows"]]
    assert accuracy == [(row["round"], row["split"], row["metrics"]["accuracy"]) for row in wanted.record.rows]
