from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fedot.errors import FedotError
from fedot.scenario import Scenario, dump_scenario, load_scenario, parse_scenario
from fedot.scenario.yaml_file import read_mapping, runs_of

FOLDER = Path(__file__).parent.parent / "scenarios"
BILINGUAL = FOLDER / "bilingual.yaml"
CORPUS = "clients={dataset: imdb, partition: {%s}}"


def through_a_file(scenario, folder):
    copy = folder / "copy.yaml"
    copy.write_text(dump_scenario(scenario), encoding="utf-8")
    return load_scenario(copy)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_scenario_survives_dumping_and_loading(path, tmp_path):
    scenario = load_scenario(path)
    assert through_a_file(scenario, tmp_path).model_dump() == scenario.model_dump()
    assert Scenario.model_validate_json(scenario.model_dump_json()).model_dump() == scenario.model_dump()
    assert scenario.question.endswith((".", "?"))


word = st.text("abcdefgh", min_size=1, max_size=6)
client = st.fixed_dictionaries(
    {"dataset": word},
    optional={
        "name": word,
        "lang": word,
        "examples": st.integers(1, 10**6),
        "label_map": st.dictionaries(st.integers(0, 9) | word, st.integers(0, 3), max_size=3),
        "model": st.fixed_dictionaries({"d_model": st.integers(1, 99)}),
    },
)
corpus = st.builds(
    lambda count, alpha: {"dataset": "imdb", "partition": {"kind": "dirichlet", "count": count, "alpha": alpha}},
    st.integers(2, 20),
    st.floats(1e-6, 1e6),
)
strategy = st.builds(lambda name, mu: {"name": name, "mu": mu, "as": f"{name}-{mu}"}, word, st.floats(0, 1))
scenarios = st.fixed_dictionaries(
    {"name": word, "clients": st.lists(client, min_size=2, max_size=4) | corpus},
    optional={
        "question": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        "rounds": st.integers(1, 1000),
        "seeds": st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=4, unique=True),
        "strategies": st.lists(word | strategy, min_size=1, max_size=3, unique_by=str),
        "train": st.fixed_dictionaries({"lr": st.floats(1e-9, 1e3), "epochs": st.integers(1, 50)}),
        "tokenizer": st.fixed_dictionaries({"kind": st.sampled_from(["wordpiece", "bpe"])}),
    },
)


@given(values=scenarios)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_any_scenario_survives_dumping_and_loading(tmp_path_factory, values):
    scenario = parse_scenario(values)
    assert through_a_file(scenario, tmp_path_factory.mktemp("s")).model_dump() == scenario.model_dump()


def test_the_question_is_the_comment_on_line_one(tmp_path):
    assert load_scenario(BILINGUAL).question.startswith("Can one fused model read both languages?")
    assert dump_scenario(load_scenario(BILINGUAL)).startswith("# Can one fused model")
    path = tmp_path / "s.yaml"
    path.write_text("\ufeff#  Why?  \nname: a\nclients: [{dataset: x}, {dataset: y}]\n", encoding="utf-8")
    assert load_scenario(path).question == "Why?"
    path.write_text("name: a # no question\nclients: [{dataset: x}, {dataset: y}]\n", encoding="utf-8")
    assert load_scenario(path).question == ""
    assert load_scenario(path, ["question=What?"]).question == "What?"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("train.epoch=2", "train.epoch is no key.*did you mean train.epochs"),
        ("train.epochs=0", "train.epochs.*greater than or equal to 1.*got 0"),
        ("train.epochs=a", "train.epochs.*integer.*got 'a'"),
        ("train.epochs.deep=3", "nothing at deep"),
        ("train.lr=.inf", "train.lr.*finite"),
        ("train.lr=.nan", "train.lr.*finite"),
        ("train.validation=0.95", "train.validation.*less than 0.9.*got 0.95"),
        ("train=5", "train: a mapping is needed.*got 5"),
        ("train.epochs=[", "train.epochs.*no valid YAML"),
        ("train.epochs=2020-13-45", "train.epochs.*no valid YAML"),
        ("name=a b", "name.*pattern.*got 'a b'"),
        ("rounds=0", "rounds.*greater than or equal to 1"),
        ("task=sentimant", "task.*'classification' or 'translation' or 'language-model'.*got 'sentimant'"),
        ("train.loss=hinge", "train.loss.*'cross-entropy' or 'logit-adjusted'.*got 'hinge'"),
        ("init=same", "init.*'independent' or 'shared'"),
        ("data.source=hubb", "data.source.*'hub'.*got 'hubb'"),
        ("data=hub", "data: a mapping is needed.*got 'hub'"),
        ("model=encoder", "model: a mapping is needed.*got 'encoder'"),
        ("seeds=[0,0]", "seeds must differ"),
        ("seeds=[]", "seeds.*at least 1"),
        ("seeds=[0,-1]", r"seeds\.1.*greater than or equal to 0.*got -1"),
        ("seeds=3", "seeds: a list is needed.*got 3"),
        ("seeds.7=1", "nothing at 7"),
        ("strategis=[a]", "strategis is no key.*did you mean strategies"),
        ("strategies=[fedavg, fedavg]", "strategy fedavg is listed twice"),
        ("strategies=[]", "strategies: .*at least 1"),
        ("strategies=[5]", r"strategies\.0: a mapping is needed"),
        ("strategies=[{nam: a}]", r"strategies\.0\.name"),
        ("references=[parent]", r"references\.0.*'parents'.*got 'parent'"),
        ("tokenizer.vocabsize=99", "tokenizer.vocabsize is no key.*did you mean tokenizer.vocab_size"),
        ("tokenizer.vocab_size=3", "tokenizer.vocab_size.*32.*got 3"),
        ("clients.0.exampels=3", r"clients\.0\.exampels.*did you mean clients\.0\.examples"),
        ("clients.1.zzz=3", r"clients\.1\.zzz.*valid keys are dataset, name"),
        ("clients.0.labels=emotion", r"clients\.0\.labels.*'emotions'.*got 'emotion'"),
        ("clients.1.tokenizer={kind: bpee}", r"clients\.1\.tokenizer\.kind.*'bpe'.*got 'bpee'"),
        ("clients.1.tokenizer={vocabsize: 99}", r"clients\.1\.tokenizer\.vocabsize.*did you mean .*vocab_size"),
        ("clients.7.lang=fi", "nothing at 7"),
        ("clients.x=3", "nothing at x"),
        ("clients=[{dataset: imdb}]", "clients must be at least 2"),
        ("clients=[]", "clients must be at least 2"),
        ("clients=[{lang: en}, {dataset: x}]", r"clients\.0\.dataset is missing"),
        ("clients=[xed, sst]", r"clients\.0: a mapping is needed.*got 'xed'"),
        ("clients=5", "clients: a list is needed.*got 5"),
        ("clients={datset: imdb, partition: {count: 2}}", r"clients\.datset is no key.*did you mean clients\.dataset"),
        ("clients={dataset: imdb}", r"clients\.partition is missing"),
        ("clients={dataset: imdb, partitoin: {count: 3}}", r"clients\.partitoin.*did you mean clients\.partition"),
        ("clients={dataset: imdb, partition: 3}", r"clients\.partition: a mapping is needed.*got 3"),
        (CORPUS % "kind: iid", r"clients\.partition\.count is missing"),
        (CORPUS % "kind: iid, cout: 3", r"clients\.partition\.cout.*did you mean clients\.partition\.count"),
        (CORPUS % "kind: idd, count: 3", r"clients\.partition\.kind.*'iid'.*got 'idd'"),
        (CORPUS % "kind: iid, count: 1", r"clients\.partition\.count.*equal to 2.*got 1"),
        (CORPUS % "kind: dirichlet, count: 3", r"clients\.partition: kind dirichlet needs alpha"),
        (CORPUS % "kind: dirichlet, count: 3, alpha: 0", r"clients\.partition\.alpha.*greater than 0"),
        (CORPUS % "kind: by-size, count: 3, sizes: [1, 2]", r"clients\.partition: .*a list of 3 positive numbers"),
        (CORPUS % "kind: by-size, count: 2, sizes: [1, -2]", r"clients\.partition: sizes must be positive"),
        (CORPUS % "count: 2, sizes: []", r"clients\.partition: sizes must be positive"),
        ("epochs", "key=value"),
        ("=3", "key=value"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(override, told):
    with pytest.raises(FedotError, match=told) as caught:
        load_scenario(BILINGUAL, [override])
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_overrides_reach_into_lists():
    scenario = load_scenario(BILINGUAL, ["clients.1.examples=50", "train.lr=0.01", "strategies=[krum]", "seeds.0=9"])
    assert scenario.client_specs()[1].examples == 50
    assert scenario.train.lr == 0.01
    assert scenario.strategies[0].name == "krum"
    assert scenario.seeds[0] == 9
    assert load_scenario(BILINGUAL, ["strategies.3.align=x"]).strategies[3].options["align"] == "x"


def test_clients_may_have_settings_of_their_own():
    scenario = load_scenario(BILINGUAL, ["clients.1.model={d_model: 32}", "clients.1.tokenizer={vocab_size: 500}"])
    assert scenario.model_settings(0) == scenario.model
    assert scenario.model_settings(1) == {**scenario.model, "d_model": 32}
    assert scenario.tokenizer_spec(0) == scenario.tokenizer
    own = scenario.tokenizer_spec(1)
    assert (own.kind, own.vocab_size, own.scope) == (scenario.tokenizer.kind, 500, "per-client")


def test_client_names_are_unique():
    values = yaml.safe_load(BILINGUAL.read_text(encoding="utf-8"))
    values["clients"] = [
        {"dataset": "xed", "lang": "en"},
        {"dataset": "xed", "lang": "en"},
        {"dataset": "sst", "name": "a"},
    ]
    assert parse_scenario(values).client_names() == ("xed-en-0", "xed-en-1", "a")
    values["clients"] = {"dataset": "imdb", "partition": {"kind": "iid", "count": 3}}
    scenario = parse_scenario(values)
    assert scenario.client_names() == ("imdb-0", "imdb-1", "imdb-2")
    assert scenario.partition is not None
    assert scenario.partition.count == len(scenario.client_specs()) == 3


@given(names=st.lists(st.sampled_from(["a", "b", "a-0", "a-1", "b-0", "a-0-0"]), min_size=2, max_size=6))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_client_names_are_unique_whatever_they_are_called(names):
    scenario = parse_scenario({"name": "s", "clients": [{"dataset": "x", "name": name} for name in names]})
    assert len(set(scenario.client_names())) == len(names)


def test_a_file_that_is_no_scenario(tmp_path):
    with pytest.raises(FedotError, match="no scenario file"):
        load_scenario(tmp_path / "missing.yaml")
    with pytest.raises(FedotError, match="cannot be read"):
        load_scenario(tmp_path)
    broken = tmp_path / "broken.yaml"
    for text, told in (
        ("name: a\nclients: [\n", "line 3: this is no valid YAML"),
        ("name: 2020-13-45", "no valid YAML"),
        ("name: \x00", "no valid YAML"),
        ("- a\n- b\n", "holds no mapping"),
        ("", "holds no mapping"),
        ("1: 2\nname: a\nclients: [{dataset: x}, {dataset: y}]\n", "1: "),
    ):
        broken.write_text(text, encoding="utf-8")
        with pytest.raises(FedotError, match=told) as caught:
            load_scenario(broken)
        assert "\n" not in str(caught.value)
    broken.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(FedotError, match="UTF-8"):
        load_scenario(broken)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_profile_and_variant_is_a_scenario(path):
    for profile in ("", *read_mapping(path).get("profiles", {})):
        runs = runs_of(path, profile)
        assert len({run.slug for run in runs}) == len(runs)
        assert all(load_scenario(path, run.overrides).name for run in runs)


def test_a_profile_goes_over_a_variant_and_an_override_over_both(tmp_path):
    path = tmp_path / "a.yaml"
    head = "name: a\nclients: [{dataset: x}, {dataset: y}]\n"
    keys = "{train.epochs: 7, train.lr: 0.5, train.batch_size: 3}"
    path.write_text(f"{head}variants: {{One two!: {keys}}}\nprofiles: {{s: {{train.lr: 0.25, train.batch_size: 4}}}}\n")
    [run] = runs_of(path, "s", "One two!", ["train.batch_size=5"])
    train = load_scenario(path, run.overrides).train
    assert (run.slug, train.epochs, train.lr, train.batch_size) == ("one-two", 7, 0.25, 5)
    with pytest.raises(FedotError, match="no profile 't'; it has 's'"):
        runs_of(path, "t")
    path.write_text(f"{head}variants: {{a b: {{}}, a-b: {{}}}}\n")
    with pytest.raises(FedotError, match="a-b, a-b; give each a name of its own"):
        runs_of(path)
    path.write_text(f"{head}profiles: [small]\n")
    with pytest.raises(FedotError, match="profiles must be a mapping"):
        runs_of(path)


def test_translations_have_no_classes_to_adjust():
    with pytest.raises(FedotError, match="logit-adjusted needs classes, and the task is translation"):
        load_scenario(BILINGUAL.with_name("translation.yaml"), ["train.loss=logit-adjusted"])
