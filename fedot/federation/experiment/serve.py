"""From run settings to files: scenario in, results and models out."""

import json
import logging
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flwr.serverapp import Grid

from fedot.errors import FedotError
from fedot.federation.experiment.record import RunRecord
from fedot.federation.experiment.run import run_scenario
from fedot.federation.experiment.run_settings import RunSettings, steps_of
from fedot.federation.grids.checkpointed import FOLDER, forget
from fedot.hf.checkpoint_folder import write_checkpoint
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.results import load_results, plain, write_results
from fedot.results.run_models import remove_of_a_run
from fedot.saved import SavedModel, write_model
from fedot.scenario import Scenario, dump_scenario, load_scenario, parse_scenario
from fedot.status import reporting
from fedot.storage.atomic import claimed, write_bytes
from fedot.terminal.pace import Pace
from fedot.terminal.progress import track
from fedot.text.names import model_file_name
from fedot.wire.checkpoints_here import checkpoint_named

log = logging.getLogger("fedot.server")

Value = bool | float | int | str

APART = {"tracking"}
"""Keys of a scenario that change nothing of what a run computes."""


def serve(grid: Grid, run_config: Mapping[str, Value]) -> None:
    """Run a scenario and write its output folder; see `[tool.flwr.app.config]` for the settings.

    What is finished is written after every seed, and also when the run is interrupted, marked as incomplete.
    Within a seed the clients' answers are kept (`fedot.federation.grids.checkpointed`).

    Raises
    ------
    FedotError
        If the scenario, the data or the output folder do not allow the run.
    """
    scenario, run, out = read_settings(run_config)
    with claimed(out):
        _serve(grid, scenario, run, out, bool(run_config.get("resume", False)), bool(run_config.get("progress", False)))


def _serve(grid: Grid, scenario: Scenario, run: RunSettings, out: Path, resumed: bool, visible: bool) -> None:
    record = RunRecord(scenario, run.engine, run.command)
    if resumed:
        resume(record, out)
    else:
        forget(out / FOLDER)

    def flush() -> None:
        if not record.rows and not record.failures:
            return  # a run that got nowhere must not stand in the way of the next one
        write_results(record.as_dict(), out)

    unwritten: list[FedotError] = []

    def finish_seed() -> None:
        if unwritten:  # a seed without its models is not finished
            record.finished.pop()
            raise unwritten[0]
        flush()
        forget(out / FOLDER)

    def save_model(title: str, seed: int, model: SavedModel) -> None:
        try:
            path = out / "models" / model_file_name(title, seed)
            if isinstance(model.config, PretrainedConfig):
                place = path.with_suffix("")
                remove_of_a_run(place)
                write_checkpoint(place, model.config, model.state, model.classes, checkpoint_named(scenario, model))
            else:
                write_model(path, model.state, model.metadata(), overwrite=True)
        except FedotError as error:
            unwritten.append(FedotError(f"{error}, and go on with --resume"))
            raise

    write_bytes(out / "scenario.yaml", dump_scenario(scenario).encode())
    steps = [step for seed in scenario.seeds if seed not in record.finished for step in steps_of(scenario, seed)]
    pace = Pace(steps, time.monotonic())
    try:
        with (
            track(scenario.name, pace, visible=visible) as begin,
            reporting(scenario.name, pace.total, out) as report,
        ):

            def tell(phase: str) -> None:
                report(phase, begin(phase))
                log.info("%s: %3.0f %% %s", scenario.name, 100 * pace.share, phase)

            run_scenario(grid, run, record, save_model, tell, on_seed=finish_seed)
    finally:
        flush()


def resume(record: RunRecord, out: Path) -> None:
    """Take over the finished seeds of an interrupted run in the output folder, if there is one.

    A run may be made longer: its finished seeds must be the first of those that are wanted now.

    Raises
    ------
    FedotError
        If the run there was of another scenario.
    """
    as_run, results = out / "scenario.yaml", out / "results.json"
    wanted = record.scenario.model_dump(mode="json")
    differing: set[str] = set()
    if as_run.exists():
        differing |= _differing(load_scenario(as_run).model_dump(mode="json"), wanted)
    if results.exists():
        earlier = load_results(results)
        as_told = parse_scenario(earlier["scenario"], str(results))  # which completes what an older release left out
        differing |= _differing(plain(as_told.model_dump(mode="json")), plain(wanted))
        done = earlier["provenance"].get("finished", {"seeds": []})["seeds"]
        if done == list(record.scenario.seeds[: len(done)]):
            differing -= {"seeds"}
        if not differing:
            record.resume(earlier)
    if differing:
        raise FedotError(
            f"{out} holds a run of another scenario, which cannot be resumed (different: "
            f"{', '.join(sorted(differing))}); choose another --out, or start again with --force"
        )


def _differing(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> set[str]:
    """Keys whose values are not the same."""
    return {key for key in (found.keys() | wanted.keys()) - APART if found.get(key) != wanted.get(key)}


def read_settings(run_config: Mapping[str, Value]) -> tuple[Scenario, RunSettings, Path]:
    """Turn Flower's flat run configuration into a scenario, settings and the output folder."""
    path = str(run_config.get("scenario", ""))
    overrides = json.loads(str(run_config.get("overrides", "")) or "[]")
    scenario = load_scenario(path, overrides)
    data_dir = str(run_config.get("data-dir", ""))
    out = Path(str(run_config.get("out-dir", "")) or f"runs/{scenario.name}").resolve()
    run = RunSettings(
        scenario=scenario,
        data_dir=Path(data_dir).resolve() if data_dir else None,
        device=str(run_config.get("device", "cpu")),
        engine=str(run_config.get("engine", "deployment")),
        command=str(run_config.get("command", "")),
        pooled=bool(run_config.get("pooled", False)),
        workers=int(run_config.get("workers", 0)),
        cache=str(run_config.get("cache", "")) or None,
        checkpoint=out / FOLDER,
        timings=bool(run_config.get("timings", False)),
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise FedotError(
            f"the output folder {out} is not writable ({error.strerror}); choose another with --out"
        ) from None
    return scenario, run, out
