"""What a client lets a server ask of its checkpoints, and what a server believes of a client's."""

import ast
import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from flwr.app import Context, Message, RecordDict

from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationRequest
from fedot.federation.client.own_checkpoint import OwnCheckpoints
from fedot.federation.client.policy import Policy
from fedot.hf.checkpoint_tokenizer import reference
from fedot.models import State, config_from_json, config_to_json, state_shapes
from fedot.models.pretrained.pretrained_config import PretrainedConfig, with_classes, written
from fedot.scenario import Scenario, load_scenario
from fedot.wire.boundary import read_description
from fedot.wire.checkpoints_here import other_checkpoints
from fedot.wire.evaluations import pack_evaluations
from fedot.wire.flower_private import assume_identity, give_id
from fedot.wire.messages import ARRAYS, CONFIG, ClientDescription, Settings, pack_description, unpack_description
from fedot.wire.records import pack_state
from tests.pretrained.tiny import change, save, write_clients, write_scenario

Folders = Callable[[str], Path]


@pytest.fixture
def home(tmp_path: Path, checkpoints: Folders, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with data, a folder of models, and a checkpoint that is nobody's business."""
    assume_identity()
    (tmp_path / "data").mkdir()
    shutil.copytree(checkpoints("bert"), tmp_path / "models" / "mine")
    shutil.copytree(checkpoints("bert"), tmp_path / "secret")
    (tmp_path / "models" / "link").symlink_to(tmp_path / "secret")
    monkeypatch.setenv("FEDOT_MODELS", str(tmp_path / "models"))
    return tmp_path


def scenario_at(home: Path, name: str = "mine", **changes: Any) -> Scenario:
    path = write_scenario(home / "data", **{"model": {"pretrained": name, "max_length": 12}, **changes})
    return load_scenario(path)


class Deployed:
    """A node of a deployment, whose server asks what it likes."""

    def __init__(self, home: Path, name: str = "mine", node: dict[str, Any] | None = None, **changes: Any) -> None:
        own = {"data-path": str(home / "data"), "cache-path": str(home / "cache"), **(node or {})}
        self.context = Context(1, 5, {"partition-id": 0, "num-partitions": 2, **own}, RecordDict(), {})
        self.settings = Settings(scenario_at(home, name, **changes).model_dump_json(), 0, tokenizer=reference(name))

    def ask(self, kind: str, content: RecordDict) -> Message:
        from clients.app import app

        message = Message(content, 5, kind)
        give_id(message)
        return app(message, self.context)

    def describe(self) -> Message:
        return self.ask("query.describe", RecordDict({CONFIG: self.settings.to_record()}))

    def train(self, state: State | None = None, **changes: Any) -> Message:
        record = replace(self.settings, **changes).to_record()
        return self.ask("train", RecordDict({ARRAYS: pack_state(state or {}), CONFIG: record}))

    def evaluate(self, state: State, config: PretrainedConfig, tokenizer: str | None = None) -> Message:
        request = EvaluationRequest.of(state, config, tokenizer)
        return self.ask("evaluate", pack_evaluations({5: request}, self.settings)[5])

    def model(self) -> tuple[State, PretrainedConfig]:
        """The model as this client has it from its checkpoint."""
        config = with_classes(told(self.describe()), 2)
        return {name: torch.zeros(shape) for name, shape in state_shapes(config).items()}, config


def told(reply: Message) -> PretrainedConfig:
    config = config_from_json(unpack_description(reply.content).model)
    assert isinstance(config, PretrainedConfig)
    return config


def reason(reply: Message) -> str:
    assert reply.has_error()
    text = str(reply.error.reason)
    assert "\n" not in text
    return text


# A client


def test_a_client_tells_which_checkpoint_it_has_and_trains_it(home: Path) -> None:
    node = Deployed(home)
    state, config = node.model()
    assert (config.checkpoint, config.n_class, config.vocab_size) == ("mine", 2, 30)
    assert node.train().has_content()
    assert node.evaluate(state, config).has_content()


@pytest.mark.parametrize("name", ["{home}/secret", "{home}/none", "../secret", "../none", "link", "mine/../../secret"])
def test_nothing_outside_of_its_folders_is_looked_at(home: Path, name: str) -> None:
    said = reason(Deployed(home, name.format(home=home)).describe())
    assert "is in no folder that FEDOT_MODELS names at this client" in said
    # nor is it told whether there is anything
    assert reason(Deployed(home, "none").describe()).replace("none", "") == said.replace(name.format(home=home), "")


@pytest.mark.parametrize("agreed", ["", "who/else", "who/what"])
def test_the_hub_is_asked_for_what_was_agreed_to_alone(home: Path, agreed: str, no_hub: list[str]) -> None:
    said = reason(Deployed(home, "who/what", {"checkpoints": agreed} if agreed else None).describe())
    if agreed == "who/what":
        assert no_hub == ["who/what"]
        assert "the hub did not give it" in said
    else:
        assert no_hub == []
        assert "agree to fetch it from the hub with checkpoints in its --node-config" in said


def test_what_is_wrong_with_a_checkpoint_is_told_but_not_where_it_lies(home: Path) -> None:
    (home / "models" / "mine" / "tokenizer.json").unlink()
    said = reason(Deployed(home).describe())
    assert said.startswith("mine has no tokenizer")
    assert str(home) not in said


def test_code_of_a_checkpoint_is_not_run(home: Path) -> None:
    change(home / "models" / "mine", auto_map={"AutoModel": "mine.Mine"})
    assert "comes with code of its own (auto_map), which fedot never runs" in reason(Deployed(home).describe())


@pytest.mark.parametrize(
    "changes",
    [
        {"checkpoint": "other"},
        {"checkpoint": "../secret"},
        {"max_length": 2**20},
        {"pad": 3},
        {"first": 5},
        {"unknown": 5},
        {"settings": {"num_hidden_layers": 900}},
        {"settings": {"vocab_size": 2**24}},
        {"settings": {"hidden_act": "relu"}},
        {"settings": {"architectures": ["GPT2LMHeadModel"]}},
        {"settings": {"architectures": ["PreTrainedModel"]}},
        {"settings": {"auto_map": {"AutoConfig": "a.B"}}},
        {"lora_rank": 4, "lora_alpha": 8.0},
    ],
)
def test_a_client_builds_its_own_checkpoint_and_no_other(home: Path, changes: dict[str, Any]) -> None:
    node = Deployed(home)
    state, config = node.model()
    if "settings" in changes:
        changes = {"settings": written({**config.config_json, **changes["settings"]})}
    other = json.loads(config_to_json(config)) | changes
    wanted = ("is another one here than the message says", "names no checkpoint", "code of its own", "at most")
    for reply in (
        node.train(state, model_config=json.dumps(other), server_round=2),
        node.evaluate(state, replace(config, **changes)),
    ):
        said = reason(reply)
        assert any(text in said for text in wanted), said


def test_a_tokenizer_of_another_checkpoint_is_not_read(home: Path) -> None:
    node = Deployed(home)
    state, config = node.model()
    for name in ("../secret", "link", str(home / "secret"), "who/what"):
        assert "the scenario names no checkpoint" in reason(node.evaluate(state, config, reference(name)))


# A server


def described(home: Path, folder: Path, partition_id: int, scenario: Scenario, **changes: Any) -> ClientDescription:
    """What a client says whose checkpoint of that name lies in a folder of its own."""
    own = OwnCheckpoints(scenario, partition_id, Policy(), (folder,))
    name = scenario.client_names()[partition_id]
    labels = ("bad", "good")
    found = ClientDescription(name, partition_id, 50, 5, 30, labels, "files", (), b"", own.in_words())
    return replace(found, **changes)


def test_a_server_leaves_out_who_has_another_checkpoint(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save("bert", home / "other" / "mine", hidden_size=8)
    clients = write_clients(home / "data", ["north", "south", "east"])
    scenario = scenario_at(home, clients=clients)
    folders = [home / "models", home / "other", home / "models"]
    there = {10 + k: described(home, folder, k, scenario) for k, folder in enumerate(folders)}
    assert other_checkpoints(scenario, there) == {
        11: "south has another checkpoint mine than the others; give all the same"
    }
    monkeypatch.delenv("FEDOT_MODELS")  # what the server does not have most others tell
    assert list(other_checkpoints(scenario, there)) == [11]


def test_a_server_with_a_checkpoint_goes_by_its_own(home: Path) -> None:
    save("bert", home / "other" / "mine", hidden_size=8)
    scenario = scenario_at(home, clients=write_clients(home / "data", ["north", "south", "east"]))
    folders = [home / "other", home / "other", home / "models"]
    there = {10 + k: described(home, folder, k, scenario) for k, folder in enumerate(folders)}
    assert list(other_checkpoints(scenario, there)) == [10, 11]


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nothing": lambda _: "",
    "no JSON": lambda _: "{",
    "a number": lambda _: 7,
    "bytes": lambda _: b"{}",
    "a list": lambda _: "[]",
    "null": lambda _: "null",
    "another architecture": lambda _: {"architecture": "encoder", "vocab_size": 9, "n_class": 2},
    "no settings": lambda said: {key: value for key, value in said.items() if key != "settings"},
    "one more key": lambda said: {**said, "mine": 1},
    "another checkpoint": lambda said: {**said, "checkpoint": "other"},
    "classes": lambda said: {**said, "n_class": 2},
    "huge length": lambda said: {**said, "max_length": 10**12},
    "endless length": lambda said: {**said, "max_length": 10**400},
    "no whole length": lambda said: {**said, "max_length": 12.5},
    "true": lambda said: {**said, "max_length": True},
    "a rank": lambda said: {**said, "lora_rank": 2**40},
    "not a number": lambda said: json.dumps({**said, "lora_alpha": math.nan}),
    "pad": lambda said: {**said, "pad": 10**6},
    "settings of 100 MB": lambda said: {**said, "settings": "[" + "1," * 5 * 10**7 + "1]"},
    "settings in settings": lambda said: {**said, "settings": "[" * 10**5 + "]" * 10**5},
    "settings that are none": lambda said: {**said, "settings": 5},
    "settings of a list": lambda said: {**said, "settings": "[]"},
    "a key twice": lambda said: {**said, "settings": '{"a": 1, "a": 2}'},
    "no class": lambda said: {**said, "settings": '{"model_type": "bert"}'},
    "many classes": lambda said: {**said, "settings": '{"architectures": ["A", "B"]}'},
    "a class that is a list": lambda said: {**said, "settings": '{"architectures": [["A"]]}'},
    "code": lambda said: spoilt(said, auto_map={"AutoModel": "a.B"}),
    "layers": lambda said: spoilt(said, num_hidden_layers=10**9),
    "rows": lambda said: spoilt(said, vocab_size=10**15),
    "endless rows": lambda said: spoilt(said, vocab_size=10**400),
    "fewer than no rows": lambda said: spoilt(said, vocab_size=-(10**400)),
    "three classes": lambda said: spoilt(said, id2label={"0": "a", "1": "b", "2": "c"}),
    "classes that are a number": lambda said: spoilt(said, id2label=7),
    "letters of a terminal": lambda said: {**said, "checkpoint": "\x1b[31mred\n"},
    "100 MB": lambda _: "x" * 10**8,
    "deep": lambda _: "[" * 10**6,
}


def spoilt(said: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**said, "settings": json.dumps({**json.loads(said["settings"]), **changes})}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_client_says_of_its_checkpoint_is_refused_in_a_line(home: Path, name: str) -> None:
    scenario = scenario_at(home)
    honest = described(home, home / "models", 0, scenario)
    found = HOSTILE[name](json.loads(honest.model))
    content = pack_description(honest)
    content.config_records["client"]["model"] = json.dumps(found) if isinstance(found, dict) else found
    began = time.perf_counter()
    with pytest.raises(FedotError) as error:
        read_description(content, scenario)
    assert time.perf_counter() - began < 5
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 1000


def test_an_honest_client_is_believed(home: Path) -> None:
    scenario = scenario_at(home)
    honest = described(home, home / "models", 0, scenario)
    assert read_description(pack_description(honest), scenario)[0].model == honest.model


# The sources


def test_no_code_of_others_is_asked_for_and_no_pickle_is_opened() -> None:
    """Every from_pretrained says that code is not trusted; nothing that reads pickles is called."""
    calls = 0
    for path in sorted((Path(__file__).parents[2] / "fedot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            assert name not in ("torch.load", "pickle.load", "pickle.loads", "joblib.load"), path
            said = {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert said.get("trust_remote_code", "False") == "False", path
            if name.endswith("from_pretrained") and "checkpoint" in path.name:
                calls += 1
                assert said.get("trust_remote_code") == "False", path
                assert said.get("local_files_only") == "True", path
    assert calls == 2


def test_a_pickle_is_not_opened_even_if_it_is_named_in_an_index(home: Path) -> None:
    folder = home / "models" / "mine"
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    index = {"weight_map": {"a": "pytorch_model.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    scenario = scenario_at(home)
    own = OwnCheckpoints(scenario, 0, Policy(), (home / "models",))
    with pytest.raises(FedotError, match=r"pytorch_model\.bin"):
        own.start(own.config(own.opened("mine").tokenizer("classification"), 2), None, 0)
