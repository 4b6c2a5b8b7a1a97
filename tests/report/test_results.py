import json
import math
from pathlib import Path

import numpy as np
import pytest

from fedot.errors import FedotError
from fedot.report import load_results, write_results


def test_what_is_written_is_read_back(results, tmp_path):
    path = write_results(results, tmp_path / "deep" / "run")
    assert path == tmp_path / "deep" / "run" / "results.json"
    assert load_results(path) == results


def test_not_finite_numbers_become_null_and_numpy_becomes_plain(results, tmp_path):
    results["rows"][0]["metrics"] = {"nll": math.nan, "ece": math.inf, "accuracy": np.float32(0.5)}
    results["rows"][0]["seed"] = np.int64(0)
    results["lines"][0]["loss"] = np.array([1.0, -math.inf])
    results["provenance"]["folder"] = Path("x")
    text = write_results(results, tmp_path).read_text()

    def refuse(constant):
        raise AssertionError(constant)

    loaded = json.loads(text, parse_constant=refuse)
    assert loaded["rows"][0]["metrics"] == {"nll": None, "ece": None, "accuracy": 0.5}
    assert loaded["lines"][0]["loss"] == [1.0, None]
    assert loaded["provenance"]["folder"] == "x"


def test_a_failed_write_keeps_the_earlier_file_and_leaves_nothing_behind(results, tmp_path, monkeypatch):
    before = write_results(results, tmp_path).read_bytes()

    def fail(self, target):
        raise PermissionError("no")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(FedotError, match=r"cannot be written \(no\); make room there"):
        write_results({**results, "rows": []}, tmp_path)
    assert (tmp_path / "results.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_value_without_json_form_is_refused_before_anything_is_written(results, tmp_path):
    with pytest.raises(FedotError, match="set"):
        write_results({**results, "extra": {1, 2}}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_one_clear_line(results, tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(FedotError) as caught:
        write_results(results, tmp_path / "run")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "line 1: this is no valid JSON"),
        ("[]", "schema None"),
        ('{"schema": 2}', "schema 2, but this version reads schema 1"),
        ('{"schema": 1, "scenario": {}, "provenance": {}}', "no rows"),
        ('{"schema": 1, "scenario": [], "provenance": {}, "rows": []}', "no scenario"),
    ],
)
def test_bad_files_are_named(tmp_path, text, told):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(FedotError) as caught:
        load_results(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FedotError, match="FileNotFoundError"):
        load_results(tmp_path / "none.json")


def test_optional_lists_come_back_empty(tmp_path):
    path = tmp_path / "results.json"
    path.write_text('{"schema": 1, "scenario": {}, "provenance": {}, "rows": []}')
    assert load_results(path)["couplings"] == []
