"""A data set on the hub by its name; files in a folder stand in for the hub, whose library reads them."""

from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from fedot.data import load_client, load_clients, load_hub
from fedot.errors import FedotError
from fedot.federation.client.policy import Policy
from fedot.scenario import Scenario, parse_scenario

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REVIEWS = {"dataset": "hub", "path": "somebody/reviews"}


def scenario(*clients: dict[str, Any], source: str = "auto", task: str = "classification") -> Scenario:
    named = [{**client, "name": f"c{k}"} for k, client in enumerate(clients * (3 - len(clients)))]
    return parse_scenario({"name": "x", "task": task, "clients": named, "data": {"source": source}})


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the hub has, and what it was asked for."""
    kinds = Features({"text": Value("string"), "label": ClassLabel(names=["sad", "glad"])})
    asked: dict[str, Any] = {"commit": COMMIT, "silent": None}
    files = {}
    for split, count in (("train", 40), ("test", 10)):
        values = {"text": [f"{split} {i}" for i in range(count)], "label": [i % 2 for i in range(count)]}
        files[split] = str(tmp_path / f"{split}.parquet")
        Dataset.from_dict(values, features=kinds).to_parquet(files[split])
    pairs = [{"translation": {"en": f"word {i}", "de": f"Wort {i}"}} for i in range(20)]
    files_of_pairs = {"train": str(tmp_path / "pairs.parquet")}
    Dataset.from_list(pairs).to_parquet(files_of_pairs["train"])
    real = datasets.load_dataset_builder

    def builder(path: str, name: str | None = None, revision: str | None = None) -> Any:
        asked.update(path=path, subset=name, revision=revision)
        asked["offline"] = (datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE)
        if asked["silent"]:
            raise ConnectionError("nobody there")
        found = real("parquet", data_files=files_of_pairs if "pairs" in path else files, cache_dir=str(tmp_path / "hf"))
        found.hash = asked["commit"]
        return found

    monkeypatch.setattr(datasets, "load_dataset_builder", builder)
    monkeypatch.setattr(load_hub, "hub_is_silent", lambda: asked["silent"])
    monkeypatch.chdir(tmp_path)
    return asked


def test_named_classes_and_splits_are_read_and_the_revision_is_told(hub):
    clients = load_clients(scenario({**REVIEWS, "test_split": "test", "subset": "plain", "revision": COMMIT}), 0)
    assert (hub["path"], hub["subset"], hub["revision"]) == ("somebody/reviews", "plain", COMMIT)
    for client in clients:
        assert (client.source, client.labels, len(client.test)) == ("hub", ("glad", "sad"), 10)
        assert f"somebody/reviews is read from the hub, revision {COMMIT}" in client.notices
        told = dict(zip(client.test["text"], client.test["label"], strict=True))
        assert (told["test 0"], told["test 1"]) == (1, 0)


def test_without_a_test_split_rows_are_held_out(hub):
    client = load_client(scenario(REVIEWS), 0, 0)
    assert len(client.test) == 8
    assert any("8 of the 40 rows of train are held out" in notice for notice in client.notices)


def test_numbers_of_a_label_map_are_those_of_the_hub(hub):
    client = load_client(scenario({**REVIEWS, "label_map": {0: "low", 1: "high"}}), 0, 0)
    assert client.labels == ("low", "high")


def test_pairs_in_a_column_of_mappings_are_read(hub):
    client = load_client(
        scenario({"dataset": "hub", "path": "somebody/pairs", "source": "en", "target": "de"}, task="translation"), 0, 0
    )
    assert all(
        a.split()[1] == b.split()[1] for a, b in zip(client.train["source"], client.train["target"], strict=True)
    )


def test_a_folder_comes_first_and_needs_no_hub(hub, tmp_path):
    folder = tmp_path / "data" / "somebody" / "reviews"
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text("text,label\n" + "".join(f"local {i},{'ab'[i % 2]}\n" for i in range(20)))
    client = load_client(scenario(REVIEWS), 0, 0, tmp_path / "data")
    assert (client.source, client.labels, "path" in hub) == ("directory", ("a", "b"), False)
    assert load_client(scenario(REVIEWS, source="hub"), 0, 0, tmp_path / "data").source == "hub"
    with pytest.raises(FedotError, match=r"reviews has no test with the suffix \.parquet, \.csv"):
        load_client(scenario({**REVIEWS, "test_split": "test"}, source="directory"), 0, 0, tmp_path / "data")


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no path": ({"dataset": "hub"}, "auto", "needs the key path, for example path: stanfordnlp/imdb"),
    "no split": ({**REVIEWS, "split": "trian"}, "auto", r"no split 'trian'; did you mean train\? it has train, test"),
    "no column": ({**REVIEWS, "text": "txt"}, "auto", r"reviews/train has no column 'txt', only text, label"),
    "a file": ({**REVIEWS, "train": "a.csv"}, "auto", "train is for dataset: files, and hub is read otherwise"),
    "nothing stands in": (REVIEWS, "stand-in", "nothing stands in for somebody/reviews"),
    "no directory": (REVIEWS, "directory", "there is none; give it with --data-dir"),
    "another cached revision": ({**REVIEWS, "revision": "f" * 40}, "hub", "another revision than ffff"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_told_in_a_line(hub, case):
    client, source, told = BAD[case]
    with pytest.raises(FedotError, match=told):
        load_client(scenario(client, source=source), 0, 0)


def test_without_the_network_it_says_so_and_what_to_do(hub):
    hub["silent"] = "HF_HUB_OFFLINE is set"
    with pytest.raises(FedotError, match=r"from the hub: HF_HUB_OFFLINE is set, .*cache; .*DATA_DIR/somebody/reviews/"):
        load_client(scenario(REVIEWS), 0, 0)


def test_a_folder_of_that_name_is_not_taken_for_the_hub(hub, tmp_path):
    (tmp_path / "somebody" / "reviews").mkdir(parents=True)
    with pytest.raises(FedotError, match="here is a folder somebody/reviews, which is not the hub's"):
        load_client(scenario(REVIEWS), 0, 0)


@pytest.mark.parametrize("path", ["csv", "../etc/passwd", "/etc/passwd", "a/b/c", "~/a", "a/.."])
def test_only_names_of_the_hub_are_paths(path):
    with pytest.raises(FedotError, match="the name of a data set on the hub is needed, owner/name"):
        scenario({"dataset": "hub", "path": path})


def test_a_deployed_client_takes_part_only_if_it_has_agreed():
    with pytest.raises(FedotError, match="but not in hub; whoever runs it decides that with datasets"):
        Policy.of({"partition-id": 0}).check_part("north", "classification", "hub")
    Policy.of({"datasets": "files,hub"}).check_part("north", "classification", "hub")
    Policy.of({"simulated": True}).check_part("north", "classification", "hub")


def test_keys_of_the_hub_cost_no_bytes_where_there_are_none():
    assert "path" not in scenario({"dataset": "imdb"}).model_dump_json()
    assert '"path":"somebody/reviews"' in scenario(REVIEWS).model_dump_json()
    with pytest.raises(FedotError, match="path is for dataset: hub, and imdb is read as published"):
        load_client(scenario({"dataset": "imdb", "path": "a/b"}), 0, 0)


def test_a_hub_that_does_not_answer_is_not_asked_again(hub):
    before = (datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE)
    hub["silent"] = "no answer within 3 s (ConnectError)"
    with pytest.raises(FedotError, match="no answer within 3 s"):
        load_client(scenario(REVIEWS, source="hub"), 0, 0)
    assert hub["offline"] == (True, True)
    assert before == (datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE)
    hub["silent"] = None
    load_client(scenario(REVIEWS, source="hub"), 0, 0)
    assert hub["offline"] == before
