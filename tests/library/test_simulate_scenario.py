"""`fedot.simulate` runs what the command runs, and gives table, report, models and results."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import fedot
from fedot.errors import FedotError
from fedot.library.local_results import Run, Runs

ROOT = Path(__file__).parents[2]
CLINICS = ROOT / "examples" / "own_files" / "two_clinics.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "clinics"


@pytest.fixture(scope="module")
def run(folder):
    return fedot.simulate(CLINICS, out=folder, device="cpu", cache=False, progress=False)


def test_a_run_of_one_s_own_files_has_a_table(run):
    assert list(run.table.index) == ["FedAvg", "OT fusion (merged)", "Parent north", "Parent south"]
    fused = run.table.loc["OT fusion (merged)"]
    assert fused["accuracy"] > 0.9
    assert fused["accuracy"] == pytest.approx((fused["accuracy north"] + fused["accuracy south"]) / 2)
    assert np.isnan(fused["+-"])  # one seed has no interval
    rows = [row for row in run.results["rows"] if (row["strategy"], row["split"]) == ("ot-fusion", "all")]
    [nll] = [row["metrics"]["nll"] for row in rows]
    assert fused["nll"] == pytest.approx(nll)


def test_its_report_is_a_path_and_a_page(run, folder):
    assert str(run.report) == str(folder / "report.html")
    assert "<html" in Path(run.report).read_text(encoding="utf-8")
    shown = run.report._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "<html" not in shown  # it is escaped
    assert "OT fusion (merged)" in run._repr_html_()


def test_its_models_are_read_by_name(run):
    assert set(run.models) == {"fedavg", "ot-fusion", "parent:north", "parent:south"}
    assert run.models["ot-fusion"].predict("The nurse was kind and patient.")["class"].tolist() == ["good"]
    assert run.models.of("parent:north", 0).classes == ("poor", "good")
    with pytest.raises(KeyError, match="no model of 'ensemble'; there are"):
        run.models["ensemble"]
    with pytest.raises(KeyError, match="no model of seed 7; there are 0"):
        run.models.of("fedavg", 7)


def test_it_says_itself_in_a_line(run, folder):
    assert repr(run) == f"Run(two-clinics: parent:north, parent:south, fedavg, ot-fusion; 1 seed; {folder})"
    assert repr(run.models) == "Models(parent:north, parent:south, fedavg, ot-fusion)"
    again = Run.read(folder)
    assert (again.title, again.results) == ("two-clinics", run.results)


def test_an_earlier_run_is_not_lost(run, folder):
    before = (folder / "results.json").read_bytes()
    with pytest.raises(FedotError, match="holds an earlier run"):
        fedot.simulate(CLINICS, out=folder)
    with pytest.raises(FedotError, match="give one of them"):
        fedot.simulate(CLINICS, out=folder, force=True, resume=True)
    resumed = fedot.simulate(CLINICS, out=folder, resume=True, device="cpu", cache=False, progress=False)
    assert resumed.results["rows"] == run.results["rows"]
    assert before


def test_values_variants_and_seeds(tmp_path):
    shutil.copytree(CLINICS.parent, tmp_path, dirs_exist_ok=True)
    scenario = tmp_path / CLINICS.name
    with scenario.open("a", encoding="utf-8") as file:
        file.write("variants: {wide: {model.d_model: 24}, narrow: {model.d_model: 8}}\n")
    given = {"out": tmp_path / "out", "device": "cpu", "cache": False, "progress": False}
    small = {"train.epochs": 1, "strategies": ["ot-fusion"], "references": []}
    runs = fedot.simulate(scenario, seeds=[0, 1], set=small, **given)
    assert isinstance(runs, Runs)
    assert list(runs) == ["wide", "narrow"]
    assert runs["wide"].models["ot-fusion"].config.d_model == 24
    assert runs["narrow"].results["scenario"]["seeds"] == [0, 1]
    assert runs["narrow"].results["scenario"]["train"]["epochs"] == 1
    assert list(runs.table.index.get_level_values("variant").unique()) == ["wide", "narrow"]
    assert runs.table["+-"].notna().all()
    assert Path(runs.report).name == "compare.html"
    assert Path(runs.report).is_file()
    assert repr(runs) == f"Runs(wide, narrow; {tmp_path / 'out'})"
    assert set(runs.models["wide"]) == {"ot-fusion"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"engine": "ray"}, "engine is 'ray'; choose from inprocess, flower"),
        ({"device": "gpu"}, "device is 'gpu'; choose from auto, cpu, cuda"),
        ({"set": {"train.epoch": 2}}, "epoch"),
        ({"data_dir": "/nowhere"}, "no folder"),
        ({"variant": "wide"}, "no variant 'wide'"),
    ],
)
def test_mistakes_are_told_before_anything_runs(options, told, tmp_path):
    with pytest.raises(FedotError, match=told):
        fedot.simulate(CLINICS, out=tmp_path / "out", **options)
    assert not (tmp_path / "out" / "results.json").exists()
