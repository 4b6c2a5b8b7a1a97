"""Flower's own runtime gives what the in-process engine gives, and cleans up after itself."""

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from fedot.errors import FedotError
from fedot.federation.client.policy import Policy
from fedot.federation.engines import ray_engine as engine_flower
from fedot.federation.engines.ray_engine import run_on_ray
from fedot.scenario import Scenario, dump_scenario
from fedot.standin import sentences as standin

FULL = standin.TRAIN_ROWS  # before any test shortens it

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'fedot-fl[ray]'"
)


OF_FLOWER = ("flower-super", "flwr", "ray::", "raylet", "gcs_server")


def run_config(scenario: Scenario, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True)
    (folder / "tiny.yaml").write_text(dump_scenario(scenario))
    return {
        "scenario": str(folder / "tiny.yaml"),
        "overrides": "[]",
        "out-dir": str(folder / "out"),
        "device": "cpu",
        "pooled": True,
        "progress": True,
    }


def processes() -> set[str]:
    """Command lines of all running processes that belong to Flower or Ray."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if path.parent.name != str(os.getpid()) and any(word in command for word in OF_FLOWER):
            found.add(f"{path.parent.name} {command}")
    return found


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(FedotError, match=r"pip install 'fedot-fl\[ray\]'"):
        run_on_ray({}, 2)


def test_the_processes_of_a_simulation_know_that_they_are_in_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Started(Exception):  # noqa: N818
        pass

    def start(*_: Any, env: dict[str, str], **__: Any) -> None:
        assert Policy.of({"partition-id": 0, "num-partitions": 2}).simulated is False
        monkeypatch.setattr(os, "environ", env)
        assert Policy.of({"partition-id": 0, "num-partitions": 2}).simulated is True
        raise Started

    monkeypatch.setattr(engine_flower.subprocess, "Popen", start)
    with pytest.raises(Started), engine_flower._superlink(tmp_path):
        pass


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_both_engines_give_the_same(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flwr.app import Context, RecordDict

    from fedot.federation.engines.inprocess import InProcessGrid
    from server.app import app

    # the other engine's processes do not see the shorter stand-in of these tests
    monkeypatch.setattr(standin, "TRAIN_ROWS", FULL)
    summed = {"name": "ot-fusion", "align": "client", "as": "summed"}
    scenario = tiny(rounds=2, strategies=["fedavg", "ot-fusion", summed, {"name": "fedadam", "align": "client"}])
    before = processes()
    lines: list[str] = []
    odd = "\u00e9 \U0001f33b"  # a name that has to get through Flower's configuration
    run_on_ray(run_config(scenario, tmp_path / "flower" / odd), 2, lines.append)
    assert processes() <= before
    assert any("ot-fusion, round 2" in line for line in lines)

    settings = run_config(scenario, tmp_path / "inproc" / odd)
    with InProcessGrid([{"partition-id": k, "num-partitions": 2} for k in range(2)], settings) as grid:
        app(grid, Context(1, 1, {}, RecordDict(), settings))

    found, expected = (json.loads((tmp_path / d / odd / "out/results.json").read_text()) for d in ("flower", "inproc"))
    for result in (found, expected):
        for row in result["rows"]:
            del row["seconds"]
    assert found["rows"] == expected["rows"]
    assert found["lines"] == expected["lines"]
    models = sorted(path.name for path in (tmp_path / "inproc" / odd / "out/models").iterdir())
    fused = [name for name in models if not name.startswith("parent-")]
    assert fused == [f"{name}-seed0.safetensors" for name in ("fedadam", "fedavg", "ot-fusion", "summed")]
    for name in models:
        a, b = (load_file(tmp_path / d / odd / "out/models" / name) for d in ("flower", "inproc"))
        assert a.keys() == b.keys()
        assert all((a[key] == b[key]).all() for key in a), name


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_failed_run_tells_the_runs_own_reason(tiny: Any, tmp_path: Path) -> None:
    clients = [
        {"dataset": "files", "train": "none.csv", "test": "none.csv", "text": "a", "label": "b", "name": name}
        for name in ("a", "b")
    ]
    with pytest.raises(FedotError, match=r"none\.csv") as caught:
        run_on_ray(run_config(tiny(clients=clients, data={"source": "auto"}), tmp_path / "flower"), 2)
    assert "\n" not in str(caught.value)


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_interrupt_leaves_no_process_behind(tiny: Any, tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    before = processes()
    with pytest.raises(KeyboardInterrupt):
        run_on_ray(run_config(tiny(), tmp_path / "flower"), 2, interrupt)
    assert processes() <= before
