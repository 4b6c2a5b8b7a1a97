from pathlib import Path

import pytest
import yaml

from fedot.errors import FedotError
from fedot.scenario import dump_scenario, load_scenario, parse_scenario

FOLDER = Path(__file__).parent.parent / "scenarios"
BILINGUAL = FOLDER / "bilingual.yaml"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_scenario_survives_dumping_and_loading(path, tmp_path):
    scenario = load_scenario(path)
    copy = tmp_path / path.name
    copy.write_text(dump_scenario(scenario), encoding="utf-8")
    assert load_scenario(copy).model_dump() == scenario.model_dump()
    assert scenario.question.endswith((".", "?"))


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("train.epoch=2", "train.epoch is no key.*did you mean train.epochs"),
        ("train.epochs=0", "train.epochs.*greater than or equal to 1.*got 0"),
        ("clients.0.exampels=3", "clients.0.exampels.*clients.0.examples"),
        ("strategis=[a]", "strategis.*strategies"),
        ("data.source=hubb", "data.source.*hubb"),
        ("seeds=[0,0]", "seeds must differ"),
        ("seeds=[]", "seeds"),
        ("clients={dataset: imdb, partition: {kind: iid, cout: 3}}", "clients.partition.cout.*clients.partition.count"),
        ("clients={dataset: imdb, partition: {kind: dirichlet, count: 3}}", "clients.partition.*alpha"),
        ("clients=[{dataset: imdb}]", "at least 2"),
        ("strategies=[fedavg, fedavg]", "listed twice"),
        ("epochs", "key=value"),
        ("clients.7.lang=fi", "nothing at 7"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(override, told):
    with pytest.raises(FedotError, match=told) as caught:
        load_scenario(BILINGUAL, [override])
    assert "\n" not in str(caught.value)


def test_overrides_reach_into_lists():
    scenario = load_scenario(BILINGUAL, ["clients.1.examples=50", "train.lr=0.01", "strategies=[krum]"])
    assert scenario.client_specs()[1].examples == 50
    assert scenario.train.lr == 0.01
    assert scenario.strategies[0].name == "krum"


def test_client_names_are_unique():
    values = yaml.safe_load(BILINGUAL.read_text(encoding="utf-8"))
    values["clients"] = [
        {"dataset": "xed", "lang": "en"},
        {"dataset": "xed", "lang": "en"},
        {"dataset": "sst", "name": "a"},
    ]
    assert parse_scenario(values).client_names() == ("xed-en-0", "xed-en-1", "a")
    values["clients"] = {"dataset": "imdb", "partition": {"kind": "iid", "count": 3}}
    assert parse_scenario(values).client_names() == ("imdb-0", "imdb-1", "imdb-2")


def test_a_file_that_is_no_scenario(tmp_path):
    with pytest.raises(FedotError, match="no scenario file"):
        load_scenario(tmp_path / "missing.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: [", encoding="utf-8")
    with pytest.raises(FedotError, match="no valid YAML"):
        load_scenario(broken)
    broken.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(FedotError, match="UTF-8"):
        load_scenario(broken)
