"""No message to a client holds a token of another's own vocabulary, in any scenario that ships."""

import json
from pathlib import Path
from typing import Any

import pytest
from flwr.app import ConfigRecord, Message

from fedot.federation.engines.inprocess import InProcessGrid
from fedot.federation.experiment.pooled import pooled_tallies
from fedot.federation.experiment.seed import Seed, SeedScores
from fedot.scenario import Scenario, load_scenario
from fedot.scenario.yaml_file import runs_of
from fedot.tokenizer import read_tokenizer
from tests.federation.test_run import run

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
RUNS = [(path, one) for path in SHIPPED for one in runs_of(path)]
LANGUAGES = ("en", "fi", "en")


def scopes(scenario: Scenario) -> set[str]:
    return {scenario.tokenizer_spec(k).scope for k in range(len(scenario.client_specs()))}


OWN = [(path, one) for path, one in RUNS if "per-client" in scopes(load_scenario(path, one.overrides))]


def test_some_scenario_has_vocabularies_of_its_own() -> None:
    assert {path.stem for path, _ in OWN} == {"heterogeneous", "multilingual", "multilingual_rounds"}


class Overheard(InProcessGrid):
    """A grid that keeps what is sent to each node, and the tokens of each client's own tokenizer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sent: list[Message] = []
        self.tokens: dict[int, set[str]] = {}
        type(self).latest = self

    latest: "Overheard"

    def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> Any:
        batch = list(messages)
        self.sent += batch
        for reply in super().send_and_receive(batch, timeout=timeout):
            about = reply.content.config_records.get("update") if reply.has_content() else None
            if about is not None:
                vocabulary = read_tokenizer(str(about["tokenizer"])).get_vocab()
                self.tokens[reply.metadata.src_node_id] = set(vocabulary)
            yield reply


def small(path: Path, overrides: tuple[str, ...]) -> Scenario:
    """The same experiment with three clients, few rows and small models."""
    scenario = load_scenario(path, overrides)
    specs = [scenario.client_specs()[k] for k in range(3)]
    clients = [
        {
            **{"dataset": "xed", "lang": lang, "name": f"client-{k}", "examples": 80 + k, "test_examples": 25},
            **({"model": spec.model} if spec.model else {}),
            **({"tokenizer": {"vocab_size": 200 + 10 * k}} if spec.tokenizer else {}),
        }
        for k, (spec, lang) in enumerate(zip(specs, LANGUAGES, strict=True))
    ]
    steps = [s if s["name"] != "ot-fusion" else {**s, "options": _quick(s["options"])} for s in _strategies(scenario)]
    return Scenario.model_validate(
        {
            **scenario.model_dump(exclude_none=True),
            "clients": clients,
            "tokenizer": {**scenario.tokenizer.model_dump(), "vocab_size": 220},
            "train": {"epochs": 1, "batch_size": 32},
            "strategies": steps,
            "seeds": [0],
            "data": {"source": "stand-in"},
        }
    )


def _strategies(scenario: Scenario) -> list[dict[str, Any]]:
    return [strategy.model_dump() for strategy in scenario.strategies]


def _quick(options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "probe_texts": 64, **({"distil_steps": 2} if "distil_steps" in options else {})}


def texts(message: Message) -> str:
    """Every text and all bytes of a message, as one text."""
    found = []
    for record in message.content.values():
        if isinstance(record, ConfigRecord):
            for value in record.values():
                found += [str(item) for item in (value if isinstance(value, list) else [value])]
    return "\n".join(found)


@pytest.mark.parametrize(
    ("path", "one", "pooled"),
    [*((path, one, True) for path, one in OWN), (*OWN[0], False)],
    ids=lambda value: getattr(value, "stem", None) or getattr(value, "slug", None),
)
def test_no_client_is_sent_anothers_tokens(path: Path, one: Any, pooled: bool) -> None:
    scenario = small(path, one.overrides)
    outcome = run(scenario, grid=Overheard, pooled=pooled)
    heard = Overheard.latest
    assert len(heard.tokens) == 3
    assert "ot-fusion" in outcome.strategies()
    for message in heard.sent:
        node = message.metadata.dst_node_id
        text = texts(message)
        others = set().union(*heard.tokens.values()) - heard.tokens[node]
        assert len(others) > 20
        written = {token: json.dumps(token) for token in others if token.isalpha() and len(token) > 2}
        assert not [token for token, quoted in written.items() if quoted in text]
        for record in message.content.array_records.values():
            if "tok_emb.weight" in record:
                assert record["tok_emb.weight"].shape[0] <= len(heard.tokens[node])


@pytest.mark.parametrize("pooled", [True, False])
def test_parents_are_scored_without_sending_them(tiny: Any, pooled: bool) -> None:
    scenario = tiny(tokenizer={"vocab_size": 150, "scope": "per-client"}, strategies=["ot-fusion"])
    outcome = run(scenario, grid=Overheard, pooled=pooled)
    splits = [row["split"] for row in outcome.rows(strategy="parent:xed-fi")]
    assert splits == (["all", "xed-en", "xed-fi"] if pooled else ["xed-fi"])
    assert bool(outcome.rows(strategy="ensemble")) == pooled
    told = [failure["reason"] for failure in outcome.record.failures if failure["strategy"] == "ensemble"]
    assert told == ([] if pooled else ["no client may be sent the tokens of another, so none can run all models"])
    evaluations = [m for m in Overheard.latest.sent if m.metadata.message_type == "evaluate"]
    assert all(len(m.content.array_records) == 1 for m in evaluations)


def test_a_simulation_scores_parents_as_clients_would(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures that a server computes in one place are those that clients send."""
    scenario = tiny(references=["parents", "ensemble"], strategies=["fedavg"])
    sent = run(scenario)
    real = Seed.scores

    def here(seed: Seed, where: str, request_for: Any, *nodes: Any) -> SeedScores:
        if not where.startswith("parents"):
            return real(seed, where, request_for, *nodes)
        clients = list(seed.federation.clients.values())
        return SeedScores(pooled_tallies(seed.run, seed.number, clients, request_for(clients[0])))

    monkeypatch.setattr(Seed, "scores", here)
    pooled = run(scenario)
    for name in ("parent:xed-en", "parent:xed-fi", "ensemble"):
        rows = [[row["metrics"] for row in outcome.rows(strategy=name)] for outcome in (pooled, sent)]
        assert rows[0] == rows[1]
        assert len(rows[0]) == 3
