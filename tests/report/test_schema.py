"""Whatever a results.json says, it is read and reported, or refused in one line."""

import copy
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from fedot.errors import FedotError
from fedot.report import load_results, render_report, summary_latex, summary_markdown, summary_table, write_csv
from fedot.report.pages.compare_page import write_comparison
from tests.report.conftest import make_results

FULL = make_results(seeds=(0, 1), rounds=2, strategies=("fedavg", "ot-fusion"))
FULL |= {key: FULL[key][:4] for key in ("couplings", "reliability", "diagnostics", "training")}


def places(value, path=()):
    """Every place of a document, a mapping's or list's first few entries standing for all."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from places(item, (*path, key))


PLACES = [path for path in places(FULL) if path and path != ("schema",)]
NUMBERS = [None, True, False, 0, 1, -1, 10**400, 1e308, -1e308, 5e-324, 1e149, 0.5]
TEXTS = ["", "x", "\u202ex", "a\nb", "\x1b[31m", "all", "all" * 200, "<b>", "=1+1"]
VALUES = st.sampled_from([*NUMBERS, *TEXTS, [], [1], [None], ["x"], [[1], [1, 2]], {}, {"a": 1}, {"x": None}])


def changed(path, value):
    document = copy.deepcopy(FULL)
    place = document
    for key in path[:-1]:
        place = place[key]
    if value == "gone":
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


def report_everything(results, folder):
    render_report(results)  # which draws every figure
    summary_markdown(results)
    summary_latex(results)
    write_csv(results, folder / "s.csv")
    with (folder / "console").open("w") as file:
        Console(file=file, width=80).print(summary_table(results))
    write_comparison([("a", results)], folder, ("svg",))


def read(text, folder):
    path = folder / "results.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return load_results(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@given(path=st.sampled_from(PLACES), value=VALUES | st.just("gone"))
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_field_is_reported_or_refused_in_one_line(folder, path, value):
    try:
        results = read(json.dumps(changed(path, value)), folder)
        report_everything(results, folder)
    except FedotError as error:
        told = str(error)
    else:
        told = "read"
    assert re.fullmatch(r"[^\n\x1b\u202e]+", told)


@given(text=st.text(max_size=40) | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_text_is_refused_in_one_line(folder, text):
    with pytest.raises(FedotError) as caught:
        read(text, folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("rows", 0), "x", r"rows\.0: "),
        (("rows", 0, "strategy"), "gone", r"rows\.0\.strategy: it is missing"),
        (("rows", 0, "strategy"), "a\x1b[2Jb", r"rows\.0\.strategy: a name must be text that can be shown"),
        (("rows", 3, "metrics", "accuracy"), 1.01, r"rows\.3: metrics\.accuracy is 1\.01, but it must be from 0 to 1"),
        (("rows", 3, "metrics", "nll"), -0.1, r"metrics\.nll is -0\.1"),
        (("rows", 0, "metrics", "accuracy"), True, r"rows\.0\.metrics\.accuracy: .*\(got True\)"),
        (("rows", 0, "round"), 10**400, r"rows\.0\.round is no finite number"),
        (("rows", 0, "bytes_up"), -1, r"rows\.0\.bytes_up: .*greater than or equal to 0 \(got -1\)"),
        (("rows", 0, "without"), "third", r"rows\.0\.without: .*list"),
        (("scenario", "strategies"), [None], r"scenario\.strategies\.0: "),
        (("scenario", "strategies"), [{"options": {}}], r"scenario\.strategies\.0\.name: it is missing"),
        (("provenance", "notices"), "abc", r"provenance\.notices: "),
        (("provenance", "data", "xed-en", "train"), "x", r"provenance\.data\.xed-en\.train: "),
        (("failures",), None, "failures: "),
        (("couplings", 0, "plan"), [[1], [1, 2]], r"couplings\.0: plan must be a list of rows of one length"),
        (("reliability", 0, "bin_count"), [1], "reliability: all lists need the same number of bins"),
        (("lines", 0, "loss"), [1], r"lines\.0: loss and accuracy need a figure for each"),
        (("training", 0, "client"), "\ud800", r"training\.0\.client is no Unicode text"),
        (("schema",), True, "schema True"),
    ],
)
def test_the_field_that_is_wrong_is_named(folder, path, value, told):
    with pytest.raises(FedotError, match=told) as caught:
        read(json.dumps(changed(path, value)), folder)
    assert "\n" not in str(caught.value)


def test_a_row_that_is_there_twice_is_refused(folder):
    document = copy.deepcopy(FULL)
    document["rows"].append({**document["rows"][4], "metrics": {"accuracy": 0.99}})
    with pytest.raises(FedotError, match=r"rows\.\d+ and rows\.4 are of one seed, strategy, round and split"):
        read(json.dumps(document), folder)


def test_a_key_that_is_there_twice_and_nesting_without_end_are_refused(folder):
    text = json.dumps(FULL)
    with pytest.raises(FedotError, match="twice"):
        read(text.replace('"schema": 1', '"schema": 1, "schema": 1', 1), folder)
    with pytest.raises(FedotError, match="nested more than"):
        read('{"schema": 1, "a": ' + "[" * 100_000 + "]" * 100_000 + "}", folder)


def test_a_file_beyond_the_bound_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("fedot.results.results_json.MOST_BYTES", 1000)
    with pytest.raises(FedotError, match="more than 1000 bytes"):
        read(json.dumps(FULL), tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00" * 9])
def test_bytes_that_are_no_text_are_one_line(tmp_path, content):
    (tmp_path / "results.json").write_bytes(content)
    with pytest.raises(FedotError) as caught:
        load_results(tmp_path / "results.json")
    assert "\n" not in str(caught.value)


def test_an_older_file_is_completed_and_can_be_reported(folder):
    results = read('{"schema": 1, "scenario": {}, "provenance": {}, "rows": []}', folder)
    assert results["provenance"]["notices"] == []
    report_everything(results, folder)
    older = copy.deepcopy(FULL)
    for key in ("fedot", "seconds", "stand_in", "notices", "commit"):
        del older["provenance"][key]
    older["scenario"] = {"strategies": ["fedavg", {"name": "ot-fusion", "as": "mine"}], "later": [{"a": None}]}
    report_everything(read(json.dumps(older), folder), folder)


@pytest.mark.usefixtures("undrawn")
def test_half_of_a_surrogate_pair_ends_no_run(tmp_path):
    from fedot.report import write_results

    results = make_results()
    results["failures"] = [{"seed": 0, "strategy": "krum", "reason": "a client said \ud800"}]
    assert load_results(write_results(results, tmp_path))["failures"][0]["reason"] == "a client said ?"
    render_report(results).encode("utf-8")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("provenance", "finished"), {"seeds": "0", "notices": 0}, r"provenance\.finished\.seeds: "),
        (("provenance", "finished"), None, r"provenance\.finished: "),
        (("rows", 0), {}, r"rows\.0\.seed: it is missing"),
        (("scenario", "clients"), 5, "clients: a list is needed"),
    ],
)
def test_resuming_reads_no_more_than_what_was_checked(folder, path, value, told):
    from fedot.federation.experiment.record import RunRecord
    from fedot.federation.experiment.serve import resume
    from fedot.scenario import parse_scenario

    (folder / "results.json").write_text(json.dumps(changed(path, value)), encoding="utf-8")
    with pytest.raises(FedotError, match=told) as caught:
        resume(RunRecord(parse_scenario(FULL["scenario"]), "inprocess", ""), folder)
    assert "\n" not in str(caught.value)


def test_an_older_run_can_be_resumed(folder):
    from fedot.federation.experiment.record import RunRecord
    from fedot.federation.experiment.serve import resume
    from fedot.scenario import parse_scenario

    older = copy.deepcopy(FULL)
    for key in ("seconds", "notices", "data"):
        del older["provenance"][key]
    older["provenance"]["finished"] = {"seeds": [0], "notices": 0}
    (folder / "results.json").write_text(json.dumps(older), encoding="utf-8")
    record = RunRecord(parse_scenario(FULL["scenario"]), "inprocess", "")
    resume(record, folder)
    assert record.finished == [0]
    assert {row["seed"] for row in record.rows} == {0}


def test_a_row_says_which_clients_its_sum_lacks():
    import numpy as np

    from fedot.evaluation.metrics import Tally
    from fedot.federation.experiment.record import RunRecord
    from fedot.scenario import parse_scenario

    record = RunRecord(parse_scenario(FULL["scenario"]), "inprocess", "")
    one = Tally(1.0, 1.0, np.eye(2), np.ones(15), np.ones(15), np.ones(15))
    record.add_scores(0, "fedavg", 1, {"all": one, "a": one}, without=["b"])
    record.add_scores(1, "fedavg", 1, {"all": one, "a": one})
    assert [row.get("without") for row in record.rows] == [["b"], None, None, None]
