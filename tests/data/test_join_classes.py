"""Classes that clients find in their files: one numbering for all, whatever subset each has."""

from pathlib import Path

import pytest

from fedot.data import load_client, load_clients
from fedot.data.join_classes import ClientClasses, apart, join_classes, renumbered
from fedot.errors import FedotError
from fedot.scenario import Scenario, parse_scenario


def write(folder: Path, name: str, labels: list[str], rows: int = 30) -> dict[str, str]:
    for split in ("train", "test"):
        lines = [f"{split} of {name} {i},{labels[i % len(labels)]}" for i in range(rows)]
        (folder / f"{name}-{split}.csv").write_text("\n".join(["text,label", *lines, ""]))
    return {"dataset": "files", "name": name, "train": f"{name}-train.csv", "test": f"{name}-test.csv"}


def scenario(folder: Path, *clients: dict[str, object]) -> Scenario:
    return parse_scenario({"name": "x", "clients": list(clients), "base_dir": folder})


def by_text(client) -> dict[str, str]:
    """Name of the class of each training text."""
    return {text: client.labels[label] for text, label in zip(client.train["text"], client.train["label"], strict=True)}


def test_words_are_numbered_alike_whatever_classes_a_client_has(tmp_path):
    clients = [
        write(tmp_path, name, labels) for name, labels in (("a", ["pos", "neg"]), ("b", ["mid"]), ("c", ["pos", "mid"]))
    ]
    loaded = load_clients(scenario(tmp_path, *clients), seed=0)
    assert {client.labels for client in loaded} == {("mid", "neg", "pos")}
    for number, (client, labels) in enumerate(zip(loaded, (["pos", "neg"], ["mid"], ["pos", "mid"]), strict=True)):
        told = by_text(client)
        assert set(told.values()) == set(labels)
        assert all(told[text] == labels[int(text.split()[-1]) % len(labels)] for text in told)
        own = load_client(scenario(tmp_path, *clients), number, seed=0)
        assert (own.labels, own.train["text"][:]) == (tuple(sorted(labels)), client.train["text"][:])


def test_a_client_that_says_its_labels_gives_the_others_their_order(tmp_path):
    north = {**write(tmp_path, "a", ["0", "1"]), "labels": ["pos", "neg"], "label_map": {0: "neg", 1: "pos"}}
    south = write(tmp_path, "b", ["neg", "pos"])
    one, two = load_clients(scenario(tmp_path, north, south), seed=0)
    assert one.labels == two.labels == ("pos", "neg")
    assert all((name == "pos") == (int(text.split()[-1]) % 2 == 1) for text, name in by_text(two).items())
    odd = write(tmp_path, "c", ["neg", "mid"])
    with pytest.raises(FedotError, match=r"different classes \(a: pos, neg; b: neg, pos; c: mid, neg\)"):
        load_clients(scenario(tmp_path, north, south, odd), seed=0)


FOUND = {
    "numbers and words": (("0", "1"), ("neg", "pos"), r"different classes \(a: 0, 1; b: neg, pos\); .*label_map"),
    "capitals": (("neg", "pos"), ("Neg", "Pos"), "write the same classes differently"),
    "accents": (("café", "bar"), ("cafe\u0301", "bar"), "write the same classes differently"),
    "one class": (("pos",), ("pos",), "all have one class"),
}


@pytest.mark.parametrize("case", FOUND)
def test_what_is_hardly_meant_is_refused(case):
    first, second, told = FOUND[case]
    found = {0: ClientClasses("a", first, True), 1: ClientClasses("b", second, True)}
    if case == "one class":
        with pytest.raises(FedotError, match=told):
            join_classes(found, 2)
        return
    _, odd = join_classes(found, 2)
    assert odd.keys() == {0, 1}
    with pytest.raises(FedotError, match=told):
        raise FedotError(odd[0])


def test_of_three_the_one_that_differs_is_odd():
    for other in (("Pos", "neg"), ("0", "1")):
        found = {k: ClientClasses("abc"[k], names, True) for k, names in enumerate([("neg", "pos")] * 2 + [other])}
        names, odd = join_classes(found, 3)
        assert (names, odd.keys()) == ((), {2})


def test_clients_without_a_class_in_common_are_told_of():
    found = [ClientClasses(name, names, True) for name, names in (("a", ("neg", "pos")), ("b", ("bad", "good")))]
    assert join_classes(dict(enumerate(found)), 2) == (("bad", "good", "neg", "pos"), {})
    assert "a has no class in common with the others (neg, pos; theirs are bad, good)" in apart(found)[0]
    assert not apart([ClientClasses("a", ("neg",), True), ClientClasses("b", ("pos",), True)])  # each has one of two


def test_classes_of_a_server_that_lack_one_are_refused(tmp_path):
    client = load_client(scenario(tmp_path, *[write(tmp_path, "a", ["neg", "pos"])] * 2), 0, 0)
    assert list(renumbered(client, ["pos", "x", "neg"]).test["label"])[:2] == [2, 0]
    with pytest.raises(FedotError, match="has a class that is none of those of all clients"):
        renumbered(client, ["pos", "x"])
