"""Labels however they are written: never joined, never collided, and told where they are not known."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from fedot.data import load_client, load_clients
from fedot.data.load_files import load_files
from fedot.errors import FedotError
from fedot.scenario import ClientSpec, Scenario, parse_scenario
from fedot.tasks import TASKS


def read(path: Path, **keys: Any) -> tuple[list[int], tuple[str, ...]]:
    spec = ClientSpec(dataset="files", train=str(path), test=str(path), text="text", label="label", **keys)
    spec = ClientSpec.model_validate_json(spec.model_dump_json())  # as it reaches a client
    splits = load_files(spec, TASKS["classification"], None, None)
    return list(splits.train["label"]), splits.labels


def written(folder: Path, labels: list[Any], name: str = "a.csv") -> Path:
    path = folder / name
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"text": [f"t{i}" for i in range(len(labels))], "label": labels}), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({"text": f"t{i}", "label": label}) + "\n" for i, label in enumerate(labels)))
    else:
        path.write_text("text,label\n" + "".join(f"t{i},{label}\n" for i, label in enumerate(labels)))
    return path


def test_words_that_python_reads_as_numbers_are_words(tmp_path):
    words = ["1_1", "11", "1e0", "1", "01", "+1"]
    assert read(written(tmp_path, words), labels=words) == ([0, 1, 2, 3, 4, 5], tuple(words))
    assert read(written(tmp_path, words)) == ([4, 1, 5, 0, 3, 2], ("1", "11", "+1", "01", "1_1", "1e0"))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl"])
def test_large_numbers_do_not_collide(tmp_path, name):
    labels = [2**53, 2**53 + 1, 2**53]
    assert read(written(tmp_path, labels, name), label_map={2**53: 0, 2**53 + 1: 1})[0] == [0, 1, 0]


@pytest.mark.parametrize("labels", [[["a"], ["b"]], [{"x": 1}, {"x": 2}], [b"a", b"b"]])
def test_labels_that_are_no_labels_are_refused_in_a_line(tmp_path, labels):
    with pytest.raises(FedotError, match=r"the labels in .*a\.parquet are of type (list|struct|binary), but"):
        read(written(tmp_path, labels, "a.parquet"))


@pytest.mark.parametrize(("name", "empty"), [("a.csv", ""), ("a.jsonl", None), ("a.parquet", None), ("a.csv", "  ")])
def test_an_empty_label_is_told_with_its_row(tmp_path, name, empty):
    path = (
        written(tmp_path, [0, 1, empty, 1, empty], name)
        if name != "a.csv"
        else written(tmp_path, ["0", "1", empty, "1", empty])
    )
    with pytest.raises(FedotError, match=r"row 3: the label is empty \(2 such rows\); fill it in"):
        read(path)
    with pytest.raises(FedotError, match=r"row 3: the label is none of 0, 1, it is empty \(2 such rows\); fill it in"):
        read(path, label_map={0: 0, 1: 1})


def test_what_yaml_makes_of_no_and_yes_is_found_in_the_file(tmp_path):
    label_map = yaml.safe_load("{no: 0, yes: 1}")
    assert label_map == {False: 0, True: 1}
    assert read(written(tmp_path, ["no", "yes", "No"]), label_map=label_map)[0] == [0, 1, 0]
    assert read(written(tmp_path, ["true", "False"]), label_map=label_map)[0] == [1, 0]


def test_two_clients_that_code_one_pair_of_classes_differently_are_joined(tmp_path):
    labels = ["neg", "pos"]
    north = read(written(tmp_path, [0, 1, 1]), labels=labels, label_map={0: "neg", 1: "pos"})
    south = read(written(tmp_path, ["pos", "neg", "neg"], "b.csv"), labels=labels)
    west = read(written(tmp_path, ["neg", "pos"], "c.csv"), label_map={"neg": 0, "pos": 1})
    east = read(written(tmp_path, [5, 1], "d.csv"), label_map={1: "neg", 5: "pos"})
    assert (north, south, west, east) == (
        ([0, 1, 1], ("neg", "pos")),
        ([1, 0, 0], ("neg", "pos")),
        ([0, 1], ("neg", "pos")),
        ([1, 0], ("neg", "pos")),
    )


def test_a_class_that_a_client_does_not_have_is_still_one(tmp_path):
    assert read(written(tmp_path, ["b", "c"]), labels=["a", "b", "c"]) == ([1, 2], ("a", "b", "c"))


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"labels": ["neg", "pos"]}, "row 1: the label is none of neg, pos"),
        (
            {"labels": ["neg", "pos"], "label_map": {0: "neg", 1: "good"}},
            "leads to 'good', but the classes are neg, pos",
        ),
        ({"labels": ["neg", "pos"], "label_map": {0: 0, 1: 2}}, "leads to 2, but the classes are neg, pos"),
        ({"label_map": {0: "neg", 1: 1}}, "all by number or all by name"),
        ({"labels": "polarity"}, r"labels: polarity is for public data sets; .*labels: \[neg, pos\]"),
    ],
)
def test_classes_that_do_not_fit_are_told(tmp_path, keys, told):
    with pytest.raises(FedotError, match=told):
        read(written(tmp_path, [0, 1]), **keys)


def _scenario(folder: Path, **keys: Any) -> Scenario:
    files = {"train": "a.csv", "test": "a.csv", "text": "text", "label": "label"}
    client = {"dataset": "files", **files, **keys}
    return parse_scenario({"name": "x", "clients": [{**client, "name": "north"}, client], "base_dir": folder})


def test_a_client_of_one_class_takes_part_where_the_classes_are_said(tmp_path):
    written(tmp_path, [1] * 20)
    for keys in ({"labels": ["0", "1"]}, {"label_map": {0: 0, 1: 1}}):
        client = load_client(_scenario(tmp_path, **keys), 0, 0)
        assert client.labels == ("0", "1")
        assert "all training rows of this client have one class" in client.notices
    client = load_client(_scenario(tmp_path), 0, 0)
    assert client.labels == ("1",)  # until it is known what others have
    with pytest.raises(FedotError, match=r"north all have one class, and so have all others'; .*labels: \[neg, pos\]"):
        load_clients(_scenario(tmp_path), 0)


def test_keys_of_files_are_refused_for_public_data():
    for key, value in (("separator", ";"), ("label_map", {0: 0, 1: 1}), ("text", "review")):
        scenario = parse_scenario({"name": "x", "clients": [{"dataset": "imdb", key: value}] * 2})
        with pytest.raises(FedotError, match=f"{key} is for dataset: files, and imdb is read as published"):
            load_client(scenario, 0, 0)
    scenario = parse_scenario({"name": "x", "clients": [{"dataset": "imdb", "labels": ["a", "b"]}] * 2})
    with pytest.raises(FedotError, match=r"labels: \[a, b\] is for dataset: files; imdb has polarity"):
        load_client(scenario, 0, 0)
