from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedot.data import ClientData, load, load_client, load_clients
from fedot.data.types import label_array
from fedot.errors import FedotError
from fedot.scenario import Scenario

MakeScenario = Callable[..., Scenario]
TWO: list[dict[str, Any]] = [{"dataset": "xed", "lang": "en"}, {"dataset": "xed", "lang": "fi"}]


def _texts(client: ClientData) -> tuple[list[str], list[str], list[str]]:
    return client.train["text"][:], client.validation["text"][:], client.test["text"][:]


def _corpus(kind: str = "iid", count: int = 4, **keys: Any) -> dict[str, Any]:
    return {"dataset": "sst2", "partition": {"kind": kind, "count": count, **keys}}


def test_two_languages(make_scenario: MakeScenario) -> None:
    clients = load_clients(make_scenario(TWO), seed=0)
    assert [client.name for client in clients] == ["xed-en", "xed-fi"]
    for client in clients:
        assert client.source == "stand-in"
        assert client.labels == ("negative", "positive")
        share = len(client.validation) / (len(client.train) + len(client.validation))
        assert share == pytest.approx(0.1, abs=0.002)


def test_same_seed_same_rows_other_seed_other_rows_same_test(make_scenario: MakeScenario) -> None:
    scenario = make_scenario([{**spec, "examples": 500, "test_examples": 50} for spec in TWO])
    one, same, other = (load_client(scenario, 0, seed) for seed in (0, 0, 1))
    assert _texts(one) == _texts(same)
    assert set(one.train["text"]) != set(other.train["text"])
    assert one.test["text"][:] == other.test["text"][:]
    assert (len(one.train) + len(one.validation), len(one.test)) == (500, 50)


def test_training_and_validation_rows_are_apart_and_stratified(make_scenario: MakeScenario) -> None:
    labels = np.repeat([0, 1, 2], [900, 90, 10])
    learn, check = load.split_validation(labels, 0.2, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.concatenate([learn, check])), np.arange(1000))
    counts = np.bincount(labels[check])
    assert all(abs(count - 0.2 * total) <= 1 for count, total in zip(counts, (900, 90, 10), strict=True))
    assert not np.array_equal(learn, np.sort(learn))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_tiny_clients_still_have_both_sides(n: int) -> None:
    for seed in range(20):
        learn, check = load.split_validation(np.zeros(n, int), 0.1, np.random.default_rng(seed))
        assert len(learn) >= 1
        assert len(check) >= 1


@pytest.mark.parametrize("kind", [{"kind": "iid"}, {"kind": "dirichlet", "alpha": 0.3}])
def test_a_partition_covers_the_corpus_once(make_scenario: MakeScenario, kind: dict[str, Any]) -> None:
    scenario = make_scenario(_corpus(**kind))
    clients = load_clients(scenario, seed=3)
    whole, _ = load._read(scenario, scenario.client_specs()[0], None, load.Corpora())
    train = sorted(text for client in clients for part in (client.train, client.validation) for text in part["text"][:])
    test = sorted(text for client in clients for text in client.test["text"][:])
    assert train == sorted(whole.train["text"])
    assert test == sorted(whole.test["text"])
    assert [client.name for client in clients] == [f"sst2-{i}" for i in range(4)]


def test_one_client_alone_gets_what_all_together_get(make_scenario: MakeScenario) -> None:
    for clients in (TWO, _corpus("dirichlet", alpha=0.5)):
        scenario = make_scenario(clients)
        together = load_clients(scenario, seed=1)
        assert [_texts(load_client(scenario, i, 1)) for i in range(len(together))] == [_texts(c) for c in together]


def test_a_skewed_partition_may_leave_one_class_and_says_so(make_scenario: MakeScenario) -> None:
    clients = load_clients(make_scenario(_corpus("dirichlet", count=8, alpha=0.02)), seed=0)
    lonely = [client for client in clients if len(np.unique(label_array(client.train))) == 1]
    assert lonely
    for client in lonely:
        assert "one class" in client.notices[-1]


def _csv(path: Path, rows: list[tuple[str, int]]) -> str:
    path.write_text("\n".join(["t,l", *(f"{text},{label}" for text, label in rows)]), encoding="utf-8")
    return path.name


def _own(tmp_path: Path, name: str, train: list[tuple[str, int]], test: list[tuple[str, int]]) -> dict[str, Any]:
    files = {split: _csv(tmp_path / f"{name}-{split}.csv", rows) for split, rows in (("train", train), ("test", test))}
    return {"dataset": "files", "name": name, "text": "t", "label": "l", **files}


def _rows(word: str, count: int = 40) -> list[tuple[str, int]]:
    return [(f"{word} {i}", i % 2) for i in range(count)]


def test_other_clients_test_sentences_are_taken_out_of_training(tmp_path: Path, make_scenario: MakeScenario) -> None:
    first = _own(tmp_path, "first", [*_rows("a"), ("The  SECOND test 3", 1)], _rows("first test"))
    second = _own(tmp_path, "second", [*_rows("b"), ("second test 5", 1)], _rows("second test"))
    scenario = make_scenario([first, second])
    one, two = load_clients(scenario, seed=0)
    assert [len(client.train) + len(client.validation) for client in (one, two)] == [40 + 1, 41]
    assert "1 of 40 test texts also occur in train, and stay there" in two.notices
    third = _own(tmp_path, "third", [*_rows("c"), ("Second  TEST 3", 1)], _rows("third test"))
    one, two = load_clients(make_scenario([third, second]), seed=0)
    assert len(one.train) + len(one.validation) == 40
    assert not any("second test" in text.lower() for part in (one.train, one.validation) for text in part["text"][:])
    assert "1 training rows that are in another client's test set are left out" in one.notices


@pytest.mark.parametrize(
    ("clients", "settings", "message"),
    [
        ([{"dataset": "imbd"}] * 2, {}, r"no data set 'imbd'; did you mean imdb\? valid: xed, imdb"),
        ([{"dataset": "xed", "lang": "english"}] * 2, {}, r"xed has no lang 'english'; .*valid: ar, bg"),
        ([{"dataset": "xed"}] * 2, {}, "xed needs a lang; valid are ar"),
        ([{"dataset": "imdb", "lang": "fi"}] * 2, {}, r"imdb has no lang 'fi'; valid: en"),
        (
            [{"dataset": "imdb", "labels": "emotions"}] * 2,
            {},
            "imdb has no labels: emotions; valid: polarity",
        ),
        ([{"dataset": "multi30k"}] * 2, {}, "multi30k is for the task translation.*use xed, imdb.*files"),
        (
            [{"dataset": "imdb"}] * 2,
            {"task": "translation"},
            "imdb is for the task classification or language-model, .*use multi30k, files",
        ),
        ([{"dataset": "imdb"}, {"dataset": "sst"}], {}, "they have: imdb 2, sst 5"),
        ([{"dataset": "imdb", "examples": 1}] * 2, {}, "has 1 training rows, too few"),
        ({"dataset": "sst2", "partition": {"count": 1000}}, {}, "too few for 1000 clients"),
    ],
)
def test_bad_scenarios_are_told_in_one_line(
    make_scenario: MakeScenario, clients: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(FedotError, match=message) as caught:
        load_clients(make_scenario(clients, **settings), seed=0)
    assert "\n" not in str(caught.value)


def test_a_client_of_one_class_is_refused(tmp_path: Path, make_scenario: MakeScenario) -> None:
    lonely = _own(tmp_path, "lonely", [(f"a {i}", 0) for i in range(20)], [("b", 0)])
    with pytest.raises(FedotError, match="training rows of client lonely-0 all have one class"):
        load_clients(make_scenario([lonely, lonely]), seed=0)


def test_a_partition_id_beyond_the_clients_is_refused(make_scenario: MakeScenario) -> None:
    with pytest.raises(FedotError, match="partition-id 2 is no client of the scenario, which has 2"):
        load_client(make_scenario(TWO), 2, seed=0)


def test_a_language_of_the_directory_is_valid_even_if_unlisted(
    tmp_path: Path, make_scenario: MakeScenario, real_data: Path
) -> None:
    (tmp_path / "xed").mkdir()
    (tmp_path / "xed" / "eo.parquet").write_bytes((real_data / "xed" / "hr.parquet").read_bytes())
    scenario = make_scenario([{"dataset": "xed", "lang": "eo"}] * 2, source="directory")
    assert load_client(scenario, 0, 0, tmp_path).source == "directory"


def test_real_bilingual(make_scenario: MakeScenario, real_data: Path) -> None:
    english, finnish = load_clients(make_scenario(TWO, source="auto"), 0, real_data)
    assert english.source == finnish.source == "directory"
    assert len(english.train) > 10_000
    assert len(finnish.train) > 8_000
    assert not any("STAND-IN" in notice for notice in (*english.notices, *finnish.notices))


def test_real_sst_and_sst2_share_no_test_sentence_with_training(make_scenario: MakeScenario, real_data: Path) -> None:
    clients = load_clients(
        make_scenario([{"dataset": "sst", "labels": "polarity"}, {"dataset": "sst2"}], source="directory"),
        0,
        real_data,
    )
    for client, other in (clients, clients[::-1]):
        tested = {" ".join(text.lower().split()) for text in other.test["text"][:]}
        trained = (text for part in (client.train, client.validation) for text in part["text"][:])
        assert not any(" ".join(text.lower().split()) in tested for text in trained)
    assert all("in another client's test set" in client.notices[-1] for client in clients)
