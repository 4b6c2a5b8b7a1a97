import pytest

from fedot.data import load_clients
from fedot.errors import FedotError
from fedot.scenario import parse_scenario
from fedot.standin.captions import MOODS, PEOPLE, stand_in_pairs


def rows(data):
    return list(zip(data["source"], data["target"], strict=True))


def test_pairs_are_the_same_every_time_and_tests_are_new():
    first, again = (stand_in_pairs("en", "de", 500) for _ in range(2))
    assert rows(first.train) == rows(again.train)
    assert not set(first.train["source"]) & set(first.test["source"])
    assert len(set(first.test["source"])) > 900


def test_the_other_way_round_is_the_same_turned():
    there, back = stand_in_pairs("en", "de", 50), stand_in_pairs("de", "en", 50)
    assert rows(back.train) == [(target, source) for source, target in rows(there.train)]


def test_german_agrees_and_has_its_own_order():
    pairs = dict(rows(stand_in_pairs("en", "de", 4000).train))
    assert "A small man sees a red ball." not in pairs or pairs["A small man sees a red ball."] == (
        "Ein kleiner Mann sieht einen roten Ball."
    )
    today = [german for english, german in pairs.items() if english.startswith("Today ")]
    assert today
    assert all(german.split()[2] in ("ein", "eine", "der", "die", "das") for german in today)  # after the verb
    because = [german.rstrip(".").split() for english, german in pairs.items() if "because" in english]
    assert because
    assert all(words[-1] in ["schläft", "wartet", "lacht", "rennt", "sitzt", "singt"] for words in because)
    for english, german, gender in PEOPLE[:3]:
        ending = {"m": "er", "f": "e", "n": "es"}[gender]
        adjective = MOODS[0][1]
        found = [pairs[text] for text in pairs if text.startswith(f"A small {english} ")]
        assert all(f"{adjective}{ending} {german} " in text for text in found)
        assert found


def test_other_languages_are_refused():
    with pytest.raises(FedotError, match="between en and de"):
        stand_in_pairs("en", "fr")


def test_a_scenario_falls_back_to_it():
    clients = {"dataset": "multi30k", "partition": {"kind": "iid", "count": 2}, "examples": 100}
    scenario = parse_scenario({"name": "t", "task": "translation", "clients": clients, "data": {"source": "stand-in"}})
    data = load_clients(scenario, 0)
    assert [client.source for client in data] == ["stand-in"] * 2
    assert all(len(client.train) + len(client.validation) == 100 for client in data)
