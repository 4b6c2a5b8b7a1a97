"""A checkpoint's state has fedot's names, and is the checkpoint itself to the bit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from fedot.errors import FedotError
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import apply_maps
from fedot.hf.checkpoint import Checkpoint, open_checkpoint
from fedot.hf.checkpoint_spec import CheckpointSpec
from fedot.models import config_from_json, config_to_json, load_model, state_of, state_shapes, symmetry
from fedot.models.batching import pad
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.tokenizer import encode
from tests.groups import random_symmetry
from tests.pretrained.tiny import KINDS, UNKNOWN_SYMMETRY, sentences

Folders = Callable[[str], Path]

TEXTS = [text for text, _ in sentences(7, 3)] + ["fine", "unheard of words"]
each_kind = pytest.mark.parametrize("kind", KINDS)
each_known = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in UNKNOWN_SYMMETRY])


def opened(folder: Path, **spec: object) -> tuple[Checkpoint, PretrainedConfig]:
    wanted = CheckpointSpec(folder.name, max_length=16, **spec)  # type: ignore[arg-type]
    found = open_checkpoint(wanted, [folder.parent], hub=False)
    return found, found.config(wanted, "classification", 2)


def batch(found: Checkpoint) -> torch.Tensor:
    return pad(encode(found.tokenizer("classification"), TEXTS, 16).ids)


def said_by(model: Any, folder: Path) -> torch.Tensor:
    """Logits of a model of transformers for a batch of its own tokenizer."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    given = tokenizer(TEXTS, padding=True, truncation=True, max_length=16, return_tensors="pt")
    logits: torch.Tensor = model.eval()(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).logits
    return logits


@each_kind
def test_a_state_goes_through_a_module_to_the_bit(kind: str, checkpoints: Folders) -> None:
    found, config = opened(checkpoints(kind))
    state = found.start(config, 5)
    again = state_of(load_model(config, dict(state)))
    assert list(again) == list(state)
    assert all(torch.equal(again[name], tensor) for name, tensor in state.items())
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == state_shapes(config)


@each_kind
@torch.no_grad()
def test_logits_are_those_of_its_own_class(kind: str, checkpoints: Folders) -> None:
    folder = checkpoints(kind)
    found, config = opened(folder)
    torch.manual_seed(5)
    wanted = said_by(transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2), folder)
    got = load_model(config, found.start(config, 5))(batch(found))
    assert wanted.std() > 0.01  # or all would be alike
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


@each_known
@torch.no_grad()
def test_its_symmetry_is_one(kind: str, checkpoints: Folders) -> None:
    found, config = opened(checkpoints(kind))
    state = {name: tensor.double() for name, tensor in found.start(config, 5).items()}
    spec = symmetry(config)
    spec.validate(state)
    moved = apply_maps(canonicalise(state, spec), spec, random_symmetry(spec, 2))
    assert any(not torch.equal(moved[name], tensor) for name, tensor in state.items())
    ids = batch(found)
    want, got = (load_model(config, each).double()(ids) for each in (state, moved))
    torch.testing.assert_close(got, want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", UNKNOWN_SYMMETRY)
def test_of_other_classes_no_symmetry_is_known_and_that_is_said(kind: str, checkpoints: Folders) -> None:
    _, config = opened(checkpoints(kind))
    with pytest.raises(FedotError, match="ElectraForSequenceClassification is of no family whose symmetry"):
        symmetry(config)


@each_kind
def test_a_configuration_is_what_its_json_says(kind: str, checkpoints: Folders) -> None:
    _, config = opened(checkpoints(kind), lora_rank=2, lora_alpha=4.0)
    assert config_from_json(config_to_json(config)) == config
    assert hash(config) == hash(replace(config))


@each_kind
@torch.no_grad()
def test_a_text_of_no_tokens_has_an_answer(kind: str, checkpoints: Folders) -> None:
    found, config = opened(checkpoints(kind))
    ids = pad(encode(found.tokenizer("classification"), ["", "the film was fine and great"], 16).ids)
    assert load_model(config, found.start(config, 5))(ids).isfinite().all()
