"""Model cards of fine-tuned checkpoints: what they say, where they are written, and that a user's changes stay."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import save_file

pytest.importorskip("transformers")

import torch

from fedot.report.files import write_files
from fedot.report.pages.checkpoint_card import checkpoint_card
from fedot.report.write_cards import write_cards

Results = dict[str, Any]
SECRET = "the text of somebody"


@pytest.fixture
def tuned(results: Results) -> Results:
    """Results of clients that fine-tune a checkpoint."""
    scenario = {
        "name": "cards",
        "clients": [{"dataset": "xed", "lang": lang} for lang in ("en", "fi")],
        "model": {"pretrained": "owner/tiny", "max_length": 16},
        "init": "shared",
        "strategies": ["fedavg", "ot-fusion"],
        "references": ["parents", "centralised"],
        "seeds": [0, 1, 2],
    }
    facts = {"class": "BertForSequenceClassification", "license": "apache-2.0"}
    data = {
        name: {"source": "hub", "train": 5400, "validation": 600, "test": rows, "labels": ["no", "yes"]}
        for name, rows in (("xed-en", 111), ("xed-fi", 222))
    }
    provenance = {
        **results["provenance"],
        "checkpoints": {"owner/tiny": facts},
        "data": data,
        "notices": [SECRET],
        "stand_in": False,
    }
    plan = {"stages": [{"stage": "align", "support": "weights"}, {"stage": "average"}]}
    told = [{"seed": k, "strategy": "ot-fusion", "round": 1, "method": "aligned", "plan": plan} for k in range(3)]
    return {**results, "scenario": scenario, "provenance": provenance, "plans": told}


def head_of(card: str) -> dict[str, Any]:
    _, head, _ = card.split("---\n", 2)
    found: dict[str, Any] = yaml.safe_load(head)
    return found


def test_the_head_is_what_the_hub_reads(tuned: Results) -> None:
    assert head_of(checkpoint_card(tuned, "ot-fusion", 0)) == {
        "library_name": "transformers",
        "base_model": ["owner/tiny"],
        "language": ["en", "fi"],
        "license": "apache-2.0",
        "pipeline_tag": "text-classification",
        "tags": ["fedot", "federated-learning"],
    }


def test_a_card_tells_data_by_name_and_number_plan_and_results_beside_references(tuned: Results) -> None:
    card = checkpoint_card(tuned, "ot-fusion", 1)
    assert "| xed-en | 5,400 | 600 | 111 |" in card
    assert "align (support: weights); average" in card
    assert "| **OT fusion (aligned)** |" in card
    assert "| Centralised |" in card
    assert "FedAdam" not in card
    assert " ± " in card
    assert 'fedot.read_model(".")' in card
    assert "without differential privacy" in card
    assert SECRET not in card


def test_equal_results_give_equal_cards(tuned: Results) -> None:
    assert checkpoint_card(tuned, "fedavg", 0) == checkpoint_card(tuned, "fedavg", 0)


def test_a_licence_that_nobody_knows_is_for_the_user_to_fill_in(tuned: Results) -> None:
    tuned["provenance"]["checkpoints"]["owner/tiny"]["license"] = ""
    card = checkpoint_card(tuned, "fedavg", 0)
    assert head_of(card)["license"] == "other"
    assert "before you pass the model on" in card


def test_a_folder_of_this_machine_is_not_told(tuned: Results) -> None:
    tuned["scenario"]["model"]["pretrained"] = "/home/somebody/secret/tiny"
    card = checkpoint_card(tuned, "fedavg", 0)
    assert "`tiny`" in card
    assert "somebody" not in card
    assert head_of(card)["base_model"] == ["tiny"]


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ("parent:xed-fi", "by one client alone"),
        ("centralised", "this is no federated model"),
        ("fedavg-shared-init", "by 2 clients together"),
    ],
)
def test_references_say_what_they_are(tuned: Results, strategy: str, said: str) -> None:
    card = checkpoint_card(tuned, strategy, 0)
    assert said in card
    assert ("xed-en | 5,400" in card) == (strategy != "parent:xed-fi")
    assert head_of(card)["language"] == (["fi"] if strategy == "parent:xed-fi" else ["en", "fi"])


def test_adapters_say_how_they_are_loaded(tuned: Results) -> None:
    card = checkpoint_card(tuned, "fedavg", 0, adapters=True)
    assert head_of(card)["library_name"] == "peft"
    assert "base = 'owner/tiny'" in card
    assert "from_pretrained(base, num_labels=2)" in card
    for block in card.split("```python\n")[1:]:
        compile(block.split("```")[0], "card", "exec")


def test_names_cannot_write_markdown_or_yaml(tuned: Results) -> None:
    tuned["scenario"]["model"]["pretrained"] = "x\n---\nlicense: mit"
    head = head_of(checkpoint_card(tuned, "fedavg", 0))
    assert head["license"] == "other"
    assert "base_model" not in head


def model_folder(out: Path, name: str) -> Path:
    folder = out / "models" / name
    folder.mkdir(parents=True)
    save_file({"a": torch.zeros(1)}, folder / "model.safetensors", {"fedot": "0.1.0"})
    return folder


def test_every_folder_of_a_model_gets_its_card(tuned: Results, tmp_path: Path) -> None:
    ours, theirs = model_folder(tmp_path, "ot-fusion-seed2"), tmp_path / "models" / "fedavg-seed0"
    theirs.mkdir()  # in which no run has written
    files = write_files(tuned, tmp_path, ["svg"])
    assert ours / "README.md" in files
    assert "seed 2" in (ours / "README.md").read_text()
    assert not list(theirs.iterdir())


def test_a_card_is_written_anew_unless_it_was_changed(tuned: Results, tmp_path: Path) -> None:
    card = model_folder(tmp_path, "fedavg-seed0") / "README.md"
    assert write_cards(tuned, tmp_path) == (card,)
    tuned["scenario"]["name"] = "renamed"
    assert write_cards(tuned, tmp_path) == (card,)
    assert "# renamed" in card.read_text()
    card.write_text(card.read_text().replace("apache-2.0", "mit"))
    assert write_cards(tuned, tmp_path) == ()
    assert "license: mit" in card.read_text()


def test_a_run_without_checkpoints_has_no_cards(results: Results, tmp_path: Path) -> None:
    assert write_cards(results, tmp_path) == ()
