"""Checkpoints that continue texts or translate: in fedot they say what their own classes say."""

import json
import math
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file
from typer.testing import CliRunner

import fedot
from fedot.commands.predict import cli as predict
from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import apply_maps
from fedot.hf.checkpoint import Checkpoint, open_checkpoint
from fedot.hf.checkpoint_folder import write_checkpoint
from fedot.hf.checkpoint_spec import CheckpointSpec
from fedot.models import load_model, state_of, symmetry
from fedot.tasks.language_model import encode_sequences, tally_next
from fedot.translation.pairs import decode_ids, encode_pairs
from fedot.translation.special_tokens import SpecialTokens, special_in, special_of
from fedot.translation.translator import Translator
from tests.groups import random_symmetry
from tests.pretrained.say_tokens import CONTINUE, KINDS, TRANSLATE, change, save, write_scenario

TEXTS = ["rot Hund", "the red é 日", "", "zwei Häuser eins rot the"]
SOURCES, TARGETS = ["red dog", "two", "one house é one", ""], ["rot Hund", "zwei", "eins Häuser eins", "é"]
FAMILIES = [kind for kind in KINDS if kind not in ("bart", "neo")]

Folders = Callable[[str], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The folder of each kind; no test changes one."""
    root = tmp_path_factory.mktemp("checkpoints")
    return lambda kind: root / kind if (root / kind).exists() else save(kind, root / kind)


def task_of(kind: str) -> str:
    return "language-model" if kind in CONTINUE else "translation"


def opened(folder: Path, kind: str, **spec: Any) -> tuple[Checkpoint, Any]:
    wanted = CheckpointSpec(str(folder), **{"max_length": 12, **spec})
    found = open_checkpoint(wanted, ())
    return found, found.config(wanted, task_of(kind), 0)


def own_class(folder: Path, name: str) -> Any:
    return getattr(transformers, name).from_pretrained(folder).eval()


def as_own(ids: Any, pad: int) -> Any:
    """Numbers of tokens as the checkpoint has them."""
    return torch.where(ids == 0, pad, torch.where(ids == pad, 0, ids))


def run(path: Path, out: str = "out", **how: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return fedot.simulate(path, out=path.parent / out, **{"progress": False, "cache": False, **how})


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("gpt2", SpecialTokens(0, 0, -1)),  # one token is padding, beginning and end, and nothing is unknown
        ("gpt2-padded", SpecialTokens(260, 261, -1)),
        ("t5", SpecialTokens(0, 1, 2)),
        ("marian", SpecialTokens(0, 35, 1)),
        ("bart", SpecialTokens(1, 2, 3)),
    ],
)
def test_special_tokens_are_those_that_the_checkpoint_has(kind: str, wanted: SpecialTokens, made: Folders) -> None:
    found, config = opened(made(kind), kind)
    assert special_of(config) == special_in(found.tokenizer(task_of(kind))) == wanted
    assert wanted.last not in wanted.unsaid


@pytest.mark.parametrize("kind", CONTINUE)
def test_texts_cost_what_the_class_itself_makes_of_each_alone(kind: str, made: Folders) -> None:
    found, config = opened(made(kind), kind)
    rows = encode_sequences([{"text": TEXTS}], found.tokenizer("language-model"), config.max_length)  # type: ignore[list-item]
    own = own_class(made(kind), config.class_name)
    total = 0.0
    for row in rows.encoded.ids:
        ids = as_own(torch.tensor(row), config.pad)
        with torch.no_grad():
            total += float(F.cross_entropy(own(input_ids=ids[None, :-1]).logits[0], ids[1:], reduction="sum"))
    tally = tally_next([load_model(config, found.start(config, 0))], (1.0,), rows, "cpu")
    assert tally.nll_sum == pytest.approx(total, rel=1e-5)
    assert tally.token_count == sum(len(row) - 1 for row in rows.encoded.ids)
    assert rows.truncated == 1
    assert rows.num_bytes[:3].tolist() == [len(text.encode()) for text in TEXTS[:3]]
    bits = total / math.log(2) / int(rows.num_bytes.sum())
    assert tally.metrics()["bits_per_byte"] == pytest.approx(bits, rel=1e-5)
    assert not rows.unknown_bytes.any()


def test_bytes_of_a_cut_text_end_with_the_character_of_its_last_token(made: Folders) -> None:
    found, _ = opened(made("gpt2"), "gpt2")
    tokenizer = found.tokenizer("language-model")
    sizes = [
        int(encode_sequences([{"text": ["aé日"]}], tokenizer, length).num_bytes[0])  # type: ignore[list-item]
        for length in range(1, 8)
    ]
    assert sizes == [1, 3, 3, 6, 6, 6, 6]


def test_a_text_that_writes_a_special_token_is_scored_to_its_end(made: Folders) -> None:
    found, config = opened(made("gpt2"), "gpt2")
    rows = encode_sequences([{"text": ["a<|endoftext|>b"]}], found.tokenizer("language-model"), 12)  # type: ignore[list-item]
    assert len(rows.encoded.ids[0]) == 5
    read, following = rows.batch(np.arange(1), "cpu")
    assert read.shape == following.shape == (1, 4)
    assert bool((following >= 0).all())
    assert tally_next([load_model(config, found.start(config, 0))], (1.0,), rows, "cpu").token_count == 4


@pytest.mark.parametrize("kind", TRANSLATE)
def test_targets_cost_what_the_class_itself_makes_of_them(kind: str, made: Folders) -> None:
    found, config = opened(made(kind), kind)
    pairs = encode_pairs(found.tokenizer("translation"), SOURCES, TARGETS, config.max_length)
    own = own_class(made(kind), config.class_name)
    total = 0.0
    for source, target in zip(pairs.source.ids, pairs.target.ids, strict=True):
        ids, labels = (as_own(torch.tensor([row]), config.pad) for row in (source, target[1:]))
        with torch.no_grad():
            total += float(own(input_ids=ids, labels=labels).loss) * labels.shape[1]
    nll, count = Translator.of([(config, found.start(config, 0))]).nll(pairs)
    assert nll == pytest.approx(total, rel=1e-5)
    assert count == sum(len(row) - 1 for row in pairs.target.ids)


@pytest.mark.parametrize("kind", TRANSLATE)
@pytest.mark.parametrize("beam", [1, 3])
def test_the_search_finds_what_the_library_finds(kind: str, beam: int, made: Folders) -> None:
    found, config = opened(made(kind), kind)
    tokenizer = found.tokenizer("translation")
    pairs = encode_pairs(tokenizer, SOURCES[:3], TARGETS[:3], 8)
    translator = Translator.of([(config, found.start(config, 0))])
    got = translator.translate(pairs.source, beam=beam, length_penalty=0.0)
    own = own_class(made(kind), config.class_name)
    special, never = special_of(config), [config.pad]
    never += [int(as_own(torch.tensor(number), config.pad)) for number in special.unsaid if number]
    for source, ids in zip(pairs.source.ids, got, strict=True):
        said = own.generate(
            as_own(torch.tensor([source]), config.pad),
            **{"num_beams": beam, "length_penalty": 0.0, "do_sample": False, "max_new_tokens": config.max_length},
            suppress_tokens=sorted(set(never)),
            early_stopping=False,
        )
        wanted = [number for number in as_own(said[0, 1:], config.pad).tolist() if number != special.last]
        assert ids == [number for number in wanted if number]
    assert decode_ids(tokenizer, got) == [text.strip() for text in decode_ids(tokenizer, got)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_comes_back_as_it_was(kind: str, made: Folders) -> None:
    found, config = opened(made(kind), kind)
    state = found.start(config, 0)
    module = load_model(config, state)
    again = state_of(module)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in state.items())
    output, table = (getattr(module.inner, f"get_{each}_embeddings")() for each in ("output", "input"))
    assert (output.weight is table.weight) == config.is_tied == ("untied" not in kind)
    if kind in FAMILIES:
        symmetry(config).validate(state)


@pytest.mark.parametrize("kind", FAMILIES)
def test_fusing_with_a_transformed_copy_returns_the_model(kind: str, made: Folders) -> None:
    found, config = opened(made(kind), kind)
    state, spec = found.start(config, 0), symmetry(config)
    copy = apply_maps(canonicalise(state, spec), spec, random_symmetry(spec, 3))
    result = fuse(
        [(state, config), ({name: tensor.float() for name, tensor in copy.items()}, config)],
        spec=spec,
        config=FusionConfig(method="aligned"),
    )
    ids = torch.tensor([[5, 6, 9, 7], [8, 5, 0, 0]])
    batch = (ids,) if kind in CONTINUE else (ids, torch.tensor([[special_of(config).first, 7, 8]] * 2))
    with torch.no_grad():
        wanted, moved, got = (load_model(config, each)(*batch) for each in (state, result.state, copy_of(copy)))
    torch.testing.assert_close(moved, wanted, rtol=0, atol=1e-3)
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-3)


def copy_of(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.float().contiguous() for name, tensor in state.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", [0, 2])
def test_a_written_folder_has_the_same_logits(kind: str, rank: int, made: Folders, tmp_path: Path) -> None:
    found, config = opened(made(kind), kind, lora_rank=rank, lora_alpha=4.0)
    generator = torch.Generator().manual_seed(1)
    state = {
        name: tensor + 0.1 * torch.randn(tensor.shape, generator=generator)
        for name, tensor in found.start(config, 0).items()
        if name in found.trained(config)
    }
    assert not rank or all("lora_" in name for name in state)
    write_checkpoint(tmp_path / "new", config, state, here=found)
    again = fedot.read_model(tmp_path / "new")
    ids = torch.tensor([[5, 6, 9, 7], [8, 5, 4, 9]])
    batch = (ids,) if kind in CONTINUE else (ids, torch.tensor([[special_of(config).first, 7, 8]] * 2))
    own = own_class(tmp_path / "new", config.class_name)
    with torch.no_grad():
        wanted = load_model(config, found.weights(config) | state)(*batch)
        got = load_model(again.config, again.state)(*batch)
        framed = load_model(config, found.weights(config) | state)._framed(ids) if kind in TRANSLATE else ids
        named = {"input_ids": as_own(framed, config.pad)}
        if kind in TRANSLATE:
            start = torch.full((2, 1), config.start)
            named["decoder_input_ids"] = torch.cat([start, as_own(batch[1][:, 1:], config.pad)], 1)
        theirs = own(**named).logits
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-4)
    order = as_own(torch.arange(wanted.shape[-1]), config.pad)
    torch.testing.assert_close(theirs[..., order], wanted, rtol=0, atol=1e-4)


STRATEGIES: list[Any] = [
    *("fedavg", "ot-fusion"),
    {"name": "ot-fusion", "method": "aligned", "distil_steps": 2, "as": "distilled"},
    {"name": "ot-fusion", "method": "regmean", "as": "regmean", "probe_texts": 16},
    {"name": "ot-fusion", "method": "fisher", "as": "fisher", "probe_texts": 16},
]


def totals(results: Any) -> dict[tuple[str, int], float]:
    """Loss of each strategy and round over all clients."""
    rows = [row for row in results["rows"] if row["split"] == "all"]
    return {(row["strategy"], row["round"]): row["metrics"]["nll"] for row in rows}


@pytest.mark.parametrize("kind", ["gpt2", "t5", "marian"])
def test_every_strategy_works_for_them(kind: str, made: Folders, tmp_path: Path) -> None:
    shutil.copytree(made(kind), tmp_path / "mine")
    references = ["parents", "ensemble", "centralised"]
    results = run(write_scenario(tmp_path, kind, strategies=STRATEGIES, references=references)).results
    assert results["failures"] == []
    nll = totals(results)
    assert nll["fedavg", 2] < nll["fedavg", 1]
    assert nll["ot-fusion", 1] == pytest.approx(nll["fedavg", 1], abs=0.05)  # one checkpoint: nothing to permute
    folder = tmp_path / "out" / "models" / "ot-fusion-seed0"
    answer = fedot.read_model(folder).predict(["red dog"], num_tokens=3)
    assert answer.columns[1] == ("continuation" if kind == "gpt2" else "translation")
    assert CliRunner().invoke(predict, [str(folder), "red dog"]).exit_code == 0


@pytest.mark.parametrize("kind", ["gpt2", "marian"])
def test_a_run_can_be_repeated_to_the_bit(kind: str, made: Folders, tmp_path: Path) -> None:
    outcomes = []
    for name in ("first", "second"):
        shutil.copytree(made(kind), tmp_path / name / "mine")
        run(write_scenario(tmp_path / name, kind, rounds=1, references=[]))
        outcomes.append(load_file(tmp_path / name / "out" / "models" / "fedavg-seed0" / "model.safetensors"))
    assert outcomes[0].keys() == outcomes[1].keys()
    assert all(torch.equal(tensor, outcomes[1][name]) for name, tensor in outcomes[0].items())


@pytest.mark.parametrize("kind", ["gpt2", "t5-untied", "bart"])
def test_only_adapters_are_sent_and_averaged(kind: str, made: Folders, tmp_path: Path) -> None:
    shutil.copytree(made(kind), tmp_path / "mine")
    train = {"epochs": 1, "batch_size": 16, "lr": 1e-2, "lora": {"rank": 2, "alpha": 4}}
    result = run(write_scenario(tmp_path, kind, strategies=["fedavg", "lora-products"], train=train))
    assert result.results["failures"] == []
    nll = totals(result.results)
    assert nll["lora-products", 2] < nll["lora-products", 1]
    settings = json.loads((tmp_path / "out" / "models" / "lora-products-seed0" / "config.json").read_text())
    assert settings["architectures"] == [KINDS[kind][0]]


def test_what_a_model_says_after_a_text_is_what_its_class_says(made: Folders) -> None:
    model = fedot.read_model(made("gpt2"))
    [said] = model.predict(["the red"], num_tokens=4)["continuation"]
    own = own_class(made("gpt2"), "GPT2LMHeadModel")
    ids = as_own(torch.tensor([[0, *model.reader().encode("the red", add_special_tokens=False).ids]]), 260)
    found = own.generate(ids, do_sample=False, max_new_tokens=4, attention_mask=torch.ones_like(ids), pad_token_id=260)
    wanted = as_own(found[0, ids.shape[1] :], 260).tolist()
    assert said == model.reader().decode(wanted)


def test_a_slow_tokenizer_is_refused_unless_its_fast_form_lies_there(made: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "marian"
    shutil.copytree(made("marian"), folder)
    change(folder, "tokenizer_config.json", tokenizer_class="MarianTokenizer")
    assert opened(folder, "marian")[1].last == 35
    slow = tmp_path / "slow"
    shutil.copytree(folder, slow)
    (slow / "tokenizer.json").unlink()
    with pytest.raises(FedotError, match="has no tokenizer") as caught:
        opened(slow, "marian")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "task", "wanted"),
    [
        ("t5", "language-model", "no class for language-model"),
        ("gpt2", "translation", "no class for translation"),
        ("bart", "language-model", "continues no text"),
    ],
)
def test_a_task_that_a_checkpoint_cannot_do_is_refused(kind: str, task: str, wanted: str, made: Folders) -> None:
    spec = CheckpointSpec(str(made(kind)))
    with pytest.raises(FedotError, match=wanted) as caught:
        open_checkpoint(spec, ()).config(spec, task, 0)
    assert "\n" not in str(caught.value)


def test_two_vocabularies_are_refused(made: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "marian"
    shutil.copytree(made("marian"), folder)
    change(folder, share_encoder_decoder_embeddings=False, decoder_vocab_size=30)
    with pytest.raises(FedotError, match="a vocabulary for each language"):
        opened(folder, "marian")


def test_numbers_that_are_no_parameters_go_along(made: Folders) -> None:
    found, config = opened(made("marian"), "marian")
    state = found.start(config, 0)
    assert float(state["final_logits_bias"].abs().max()) > 0
    adapted = opened(made("marian"), "marian", lora_rank=2, lora_alpha=4.0)[1]
    assert float(found.weights(adapted)["final_logits_bias"].abs().max()) > 0
