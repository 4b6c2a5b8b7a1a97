"""Names of clients, strategies, profiles and variants: what may be one, and that no two share a file or a line."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fedot.errors import FedotError
from fedot.report.analysis.titles import LABELS, label_of
from fedot.scenario import load_scenario, parse_scenario
from fedot.scenario.yaml_file import runs_of
from fedot.text.names import MOST_BYTES, PARENT, check_clients, check_titles, file_name

BILINGUAL = Path(__file__).parent.parent / "scenarios" / "bilingual.yaml"
NAMES = st.text("aBé./:- %\u0301ß", min_size=1, max_size=4)


def folded(name):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def refusal(check, *names):
    try:
        check(*names)
    except FedotError as error:
        return str(error)
    return ""


def scenario(clients=("a", "b"), strategies=("fedavg",)):
    clients = [{"dataset": "x", "name": name} for name in clients]
    return parse_scenario({"name": "s", "clients": clients, "strategies": list(strategies)})


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("ot-fusion", "ot-fusion"),
        ("parent:xed-en", "parent-xed-en"),
        ("weights+activations-l2", "weights+activations-l2"),
        ("parent:ward/3", "parent-ward%2F3"),
        ("parent:Ääkköset", "parent-Ääkköset"),
        ("parent:北", "parent-北"),
        ("..", "%2E."),
        ("a b%2F", "a%20b%252F"),
        ("a\x00\n\u202e", "a%00%0A%E2%80%AE"),
    ],
)
def test_files_keep_plain_names_and_nothing_leads_elsewhere(title, name):
    assert file_name(title) == name
    assert Path(name).name == name


@given(one=NAMES, other=NAMES)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_names_that_are_let_in_have_files_of_their_own(one, other):
    assume(one != other)
    told = refusal(check_clients, [one, other])
    assert told.isprintable()
    assert told or folded(file_name(PARENT + one)) != folded(file_name(PARENT + other))


@given(
    one=NAMES | st.sampled_from([*LABELS.values(), *LABELS]), other=NAMES | st.sampled_from(list(LABELS)), client=NAMES
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_titles_that_are_let_in_have_lines_and_files_of_their_own(one, other, client):
    told = refusal(check_clients, [client, "z"]) or refusal(check_titles, [one, other], [client, "z"])
    assert told.isprintable()
    titles = [one, other, f"parent:{client}", "ensemble", "centralised", "fedavg-shared-init"]
    assert told or len({folded(file_name(title)) for title in titles}) == len(titles)
    assert told or len({label_of(title, {}).casefold() for title in titles}) == len(titles)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("all", "b"), "no client can be called all"),
        (("a", "ALL"), "no client can be called ALL"),
        (("a", "global model"), "no client can be called global model"),
        (("Ward", "ward"), "clients Ward and ward differ in nothing but case"),
        (("caf\u00e9", "cafe\u0301"), "differ in nothing but case or the coding of accents"),
        (("\u5317" * 80, "b"), f"files with names of 247 bytes, and at most {MOST_BYTES}"),
        (("a\nb", "b"), "must be text that can be shown"),
        (("a\x1b[31m", "b"), "must be text that can be shown"),
        (("a\u202eb", "b"), "must be text that can be shown"),
        ((" a", "b"), "must be text that can be shown"),
    ],
)
def test_a_clients_name_that_cannot_be_is_refused_in_one_line(names, told):
    with pytest.raises(FedotError, match=told) as caught:
        scenario(clients=names)
    assert str(caught.value).isprintable()


def test_derived_names_are_checked_too():
    with pytest.raises(FedotError, match="no client can be called all"):
        parse_scenario({"name": "s", "clients": [{"dataset": "all"}, {"dataset": "b"}]})
    with pytest.raises(FedotError, match="at most 200"):
        parse_scenario({"name": "s", "clients": [{"dataset": "b", "lang": "x" * 300}, {"dataset": "b"}]})


def test_names_of_today_stay_valid():
    names = ("ward/3", "ward-3", "Kaupunki 2", "\u5317" * 60, "a.b+c", "x" * 150)
    assert scenario(clients=names).client_names() == names


@pytest.mark.parametrize(
    ("strategies", "told"),
    [
        (["ensemble"], "too much the same name as what reports call ensemble"),
        ([{"name": "fedavg", "as": "parents"}], "as what reports call parents"),
        ([{"name": "fedavg", "as": "Centralised"}], "as what reports call centralised"),
        ([{"name": "fedavg", "as": "FedAvg, shared init"}], "as what reports call fedavg-shared-init"),
        ([{"name": "fedavg", "as": "own-parents"}], "as what reports call own-parents"),
        ([{"name": "fedavg", "as": "parent:x"}], "parent: stands before the clients' own models"),
        ([{"name": "fedavg", "as": "PARENT:x"}], "parent: stands before the clients' own models"),
        ([{"name": "fedavg", "as": "parent-a"}], "as the model of the client a"),
        ([{"name": "fedavg", "as": "Parent a"}], "as the model of the client a"),
        ([{"name": "fedavg", "as": "a/b"}, {"name": "krum", "as": "a:b"}], "a:b has too much the same name as a/b"),
        ([{"name": "fedavg", "as": "a-b"}, {"name": "krum", "as": "A_b"}], "A_b has too much the same name as a-b"),
        (["ot-fusion", {"name": "krum", "as": "OT fusion"}], "OT fusion has too much the same name as ot-fusion"),
        (["krum", "krum"], "krum is listed twice"),
        ([{"name": "fedavg", "as": False}], r"as needs a text, in quotes where YAML reads something else \(got False"),
        ([{"name": "fedavg", "as": ""}], "must be text that can be shown"),
        ([{"name": "fedavg", "as": "x" * 300}], "at most 200"),
    ],
)  # fmt: skip
def test_a_strategys_title_that_cannot_be_is_refused_in_one_line(strategies, told):
    with pytest.raises(FedotError, match=told) as caught:
        scenario(strategies=strategies)
    assert str(caught.value).isprintable()


def test_titles_that_differ_in_more_than_separators_stay_valid():
    strategies = [{"name": "fedavg", "as": title} for title in ("mu=1", "mu=-1", "mu=0.1", "a+b", "a.b", "a-b")]
    assert len(scenario(strategies=strategies).strategies) == 6


@pytest.mark.parametrize("override", ["name=" + "x" * 101, "name=a/b", "name=..", 'name="a\\n"'])
def test_a_scenarios_name_is_that_of_a_folder(override):
    with pytest.raises(FedotError, match="name: "):
        load_scenario(BILINGUAL, [override])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("profiles: {../../x: {}}", "profile '../../x' becomes the name of a folder"),
        ("profiles: {.hidden: {}}", "becomes the name of a folder"),
        ("variants: {models: {}}", "folders would be models"),
        ("variants: {Figures: {}, b: {}}", "folders would be figures, b"),
        (f"variants: {{{'x' * 120}: {{}}}}", "folders would be x"),
    ],
)
def test_profiles_and_variants_become_folders(tmp_path, text, told):
    path = tmp_path / "s.yaml"
    path.write_text(f"name: s\nclients: [{{dataset: x}}, {{dataset: y}}]\n{text}\n", encoding="utf-8")
    with pytest.raises(FedotError, match=told) as caught:
        runs_of(path)
    assert "\n" not in str(caught.value)
