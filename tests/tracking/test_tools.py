"""What is written for other tools is what the results say; it is read back with the tools' own readers."""

import sys
import warnings

import pytest

from fedot.errors import FedotError
from fedot.report import write_results
from fedot.tracking import TOOLS, at_the_end, check_tools, tracked_at_the_end
from fedot.tracking.points import curves_of
from tests.report.conftest import make_results


@pytest.fixture
def results():
    return make_results(seeds=(0, 1), rounds=2, strategies=("fedavg", "ot-fusion"))


@pytest.fixture
def folder(tmp_path, results):
    write_results(results, tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "ot-fusion-seed1.safetensors").write_bytes(b"a model")
    return tmp_path


def accuracy(results, strategy, seed, number, split):
    [row] = [
        row
        for row in results["rows"]
        if (row["strategy"], row["seed"], row["round"], row["split"]) == (strategy, seed, number, split)
    ]
    return row["metrics"]["accuracy"]


def test_every_figure_is_in_a_curve(results):
    curves = curves_of(results)
    for row in results["rows"]:
        points = curves[row["strategy"], row["seed"]]
        for metric, value in row["metrics"].items():
            assert (f"{metric}/{row['split']}", row["round"], value) in points
    assert all([p.round for p in points] == sorted(p.round for p in points) for points in curves.values())
    trained = {p.name for points in curves.values() for p in points if p.name.startswith("training/")}
    assert {"training/train_loss/xed-en", "training/train_loss/xed-fi"} <= trained


def test_tensorboard_reads_them_back(results, folder):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told = []
    for _ in range(2):  # writing again leaves no second curve
        with tracked_at_the_end(folder, ["tensorboard"], told.append):
            write_results(results, folder)
    assert told == [f'tensorboard: tensorboard --logdir "{folder / "tensorboard"}"'] * 2
    events = EventAccumulator(str(folder / "tensorboard" / "ot-fusion" / "seed1"))
    events.Reload()
    for split in ("all", "xed-en", "xed-fi"):
        found = [(each.step, each.value) for each in events.Scalars(f"accuracy/{split}")]
        wanted = [(number, accuracy(results, "ot-fusion", 1, number, split)) for number in (1, 2)]
        assert found == [(number, pytest.approx(value)) for number, value in wanted]
    page = EventAccumulator(str(folder / "tensorboard" / "report"))
    page.Reload()
    assert "scores" in page.Tags()["images"]
    assert "headline/text_summary" in page.Tags()["tensors"]


def test_mlflow_reads_them_back(results, folder, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    told = []
    with tracked_at_the_end(folder, ["mlflow"], told.append):
        write_results(results, folder)
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    assert told == [f'mlflow: mlflow ui --backend-store-uri "{uri}"']
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("bilingual")
        runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id], max_results=100)}
        fused = runs["ot-fusion, seed 1"]
        history = client.get_metric_history(fused.info.run_id, "accuracy/xed-fi")
        wanted = [(number, accuracy(results, "ot-fusion", 1, number, "xed-fi")) for number in (1, 2)]
        assert sorted((each.step, each.value) for each in history) == wanted
        models = client.list_artifacts(fused.info.run_id, "model")
        assert [each.path for each in models] == ["model/ot-fusion-seed1.safetensors"]
        whole = runs[folder.name]
        assert fused.data.tags["mlflow.parentRunId"] == whole.info.run_id
        assert fused.info.status == "FINISHED"
        assert len(runs) == 1 + len(curves_of(results))
        assert whole.data.params["name"] == "bilingual"
        top = {each.path for each in client.list_artifacts(whole.info.run_id)}
        assert top >= {"results.json", "summary.csv", "figures"}
        mean = (accuracy(results, "fedavg", 0, 2, "all") + accuracy(results, "fedavg", 1, 2, "all")) / 2
        assert whole.data.metrics["accuracy/FedAvg"] == pytest.approx(mean)
    assert {path.name for path in folder.iterdir()} >= {"mlflow.db", "mlartifacts"}


@pytest.mark.usefixtures("undrawn")
def test_mlflow_goes_where_its_own_variable_says(folder, tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    results = make_results(seeds=(0,), strategies=("fedavg",))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    monkeypatch.chdir(tmp_path)
    told = []
    with tracked_at_the_end(folder, ["mlflow"], told.append):
        write_results(results, folder)
    assert told == [f"mlflow: written to sqlite:///{tmp_path / 'elsewhere.db'}"]
    assert (tmp_path / "elsewhere.db").exists()
    assert not (folder / "mlflow.db").exists()


def test_a_store_that_refuses_ends_no_run(results, folder, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://me:secret@host/x")
    told = []
    with tracked_at_the_end(folder, ["mlflow"], told.append):
        write_results(results, folder)
    [line] = told
    assert line.startswith("mlflow: not written (nowhere://host/x: ")
    assert "secret" not in line


def test_what_was_written_before_it_ended_early_is_told_too(results, folder, monkeypatch):
    asked = []
    monkeypatch.setattr(at_the_end, "_write", lambda tool, _: asked.append(tool))
    with pytest.raises(KeyboardInterrupt), tracked_at_the_end(folder, ["tensorboard"], print):  # noqa: PT012
        write_results(results, folder)
        raise KeyboardInterrupt
    with tracked_at_the_end(folder, ["mlflow"], print):  # nothing new
        pass
    assert asked == ["tensorboard"]


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_a_tool_that_is_missing_is_told_in_one_line(tool, monkeypatch):
    monkeypatch.setattr(at_the_end, "find_spec", lambda _: None)
    with pytest.raises(FedotError, match=rf"{tool}.* not installed here; run: pip install .fedot-fl\[{tool}\]"):
        check_tools([tool])
    check_tools([])
    with pytest.raises(FedotError, match="no tool wandb; choose from tensorboard, mlflow"):
        check_tools(["wandb"])


def test_nothing_is_loaded_before_it_is_asked_for():
    import subprocess

    code = "import sys, fedot.tracking, fedot.commands.simulate; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"mlflow", "tensorboard", "torch", "matplotlib"} & set(done.stdout.split())
