"""What fedot saves, as a folder of transformers: the same logits, or one line that says why there is none."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from fedot import FusionConfig, fuse
from fedot.commands.export import cli
from fedot.errors import FedotError
from fedot.export import export_folder, layout_of
from fedot.export import to_folder as writer
from fedot.from_disk.metadata import PLAN
from fedot.models import build_model, load_model, model_config, state_of, symmetry
from fedot.saved import SavedModel, read_model
from fedot.tokenizer import SPECIAL, count_words, train_tokenizer
from tests.groups import randomise
from tests.models.variants import VARIANTS

transformers = pytest.importorskip("transformers")

WORDS = count_words(["the film was fine", "the film was poor", "Was the film fine?"], "reversible")
TOKENIZER = train_tokenizer(WORDS, "reversible", 512, SPECIAL)
SIZES = {"d_model": 12, "n_layer": 2, "n_head": 4, "d_head": 4, "d_ff": 20, "max_length": 9}
HOLD = [
    "decoder",
    "decoder-untied",
    "decoder-layer-relu",
    "decoder-layer-sinusoidal",
    "seq2seq",
    "seq2seq-layer-untied-relu",
]
OTHERS = [name for name in VARIANTS if name not in HOLD]


def model_of(variant: str, seed: int = 0, **changes: object) -> SavedModel:
    """A model as far from its start as training takes it: gains, shifts and biases are random, too."""
    name, settings = VARIANTS[variant]
    size = TOKENIZER.get_vocab_size()
    config = model_config({"name": name, **SIZES, **settings, **changes}, size, 3 if name == "encoder" else 0)
    state = randomise(state_of(build_model(config, seed)), seed, symmetry(config).ties)
    return SavedModel(config, state, TOKENIZER.to_str())


def batches(model: SavedModel) -> list[torch.Tensor]:
    """Token ids, some of them padding at the end; of sources and targets."""
    generator = torch.Generator().manual_seed(1)
    out = [torch.randint(1, model.config.vocab_size, (5, length), generator=generator) for length in (9, 7)]
    out[0][0, 4:] = out[0][1, 8:] = out[1][2, 3:] = 0
    return out if model.config.architecture == "seq2seq" else out[:1]


@torch.no_grad()
def assert_same(model: SavedModel, folder: Path) -> None:
    theirs = getattr(transformers, layout_of(model.config).loader).from_pretrained(folder).eval()
    assert type(theirs).__name__ == layout_of(model.config).class_name
    ids = batches(model)
    names = ("input_ids", "decoder_input_ids")
    masks = ("attention_mask", "decoder_attention_mask")
    given = dict(zip(names, ids, strict=False)) | {
        name: (each != 0).long() for name, each in zip(masks, ids, strict=False)
    }
    want, got = load_model(model.config, model.state)(*ids), theirs(**given).logits
    real = ids[-1] != 0
    assert want[real].std() > 0.1  # or all would be alike
    torch.testing.assert_close(got[real], want[real], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("variant", HOLD)
@pytest.mark.parametrize("d_model", [12, 14, 16])
def test_logits_are_those_of_the_saved_model(variant: str, d_model: int, tmp_path: Path) -> None:
    model = model_of(variant, d_model=d_model)
    export_folder(model, tmp_path / "out")
    assert_same(model, tmp_path / "out")


@pytest.mark.parametrize("variant", ["decoder", "seq2seq"])
@pytest.mark.parametrize("method", ["merged", "aligned"])
def test_a_fused_file_is_exported_as_it_is(variant: str, method: str, tmp_path: Path) -> None:
    parents = [model_of(variant, seed) for seed in (0, 1)]
    counts = [torch.arange(1, parent.config.vocab_size + 1) for parent in parents]
    found = fuse(
        [(each.state, each.config) for each in parents],
        token_counts=counts,
        config=FusionConfig.from_options({"method": method}),
    )
    fused = SavedModel(found.config, found.state, TOKENIZER.to_str())
    file = tmp_path / "fused.safetensors"
    file.write_bytes(fused.to_bytes())
    done = CliRunner().invoke(cli, [str(file), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert_same(read_model(file), tmp_path / "out")


def test_the_tokenizer_begins_a_text_as_training_did_and_the_model_goes_on_like_fedots(tmp_path: Path) -> None:
    model = model_of("decoder")
    export_folder(model, tmp_path / "out")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    ids = tokenizer("the film", return_tensors="pt")["input_ids"]
    assert ids.tolist() == [[SPECIAL.index("[BEGIN]"), *TOKENIZER.encode("the film").ids]]
    assert [tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id] == [0, 2, 3]
    assert tokenizer.decode(ids[0], skip_special_tokens=True).strip() == "the film"
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    said = theirs.generate(ids, max_new_tokens=4, do_sample=False)[0, ids.shape[1] :].tolist()
    module, own = load_model(model.config, model.state), ids[0].tolist()
    for _ in said:
        logits = module(torch.tensor([own]))[0, -1]
        logits[:3] = -torch.inf
        own.append(int(logits.argmax()))
    assert own[ids.shape[1] :] == said


def test_a_translator_is_started_by_its_first_token(tmp_path: Path) -> None:
    model = model_of("seq2seq")
    export_folder(model, tmp_path / "out")
    theirs = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "out")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    ids = tokenizer("the film", return_tensors="pt")["input_ids"]
    assert ids.tolist() == [TOKENIZER.encode("the film").ids]
    said = theirs.generate(ids, max_new_tokens=4, do_sample=False, num_beams=1)[0].tolist()
    module, own = load_model(model.config, model.state), [SPECIAL.index("[BEGIN]")]
    while len(own) < len(said):
        logits = module(ids, torch.tensor([own]))[0, -1]
        logits[:3] = -torch.inf
        own.append(int(logits.argmax()))
    assert own == said


@pytest.mark.parametrize("variant", OTHERS)
def test_what_no_class_holds_is_refused_in_one_line_that_says_why(variant: str, tmp_path: Path) -> None:
    file = tmp_path / "own.safetensors"
    file.write_bytes(model_of(variant).to_bytes())
    done = CliRunner().invoke(cli, [str(file), "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "no class of transformers holds this model: it " in done.stderr
    assert "fedot.read_model" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_folder_is_written_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "model_card", full)
    with pytest.raises(FedotError, match="No space left on device"):
        export_folder(model_of("decoder"), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    file = tmp_path / "own.safetensors"
    file.write_bytes(model_of("decoder").to_bytes())
    for taken in (tmp_path, file):
        done = CliRunner().invoke(cli, [str(file), "-o", str(taken)])
        assert done.exit_code == 2
        assert "exists already" in done.stderr
    assert read_model(file).config.architecture == "decoder"


def test_a_model_without_a_tokenizer_takes_a_clients(tmp_path: Path) -> None:
    whole = model_of("decoder")
    file = tmp_path / "own.safetensors"
    words = tuple(token for token, _ in sorted(TOKENIZER.get_vocab().items(), key=lambda item: item[1]))
    file.write_bytes(replace(whole, tokenizer=None, vocabulary=words).to_bytes())
    done = CliRunner().invoke(cli, [str(file), "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "--tokenizer" in done.stderr
    (tmp_path / "tokenizer.json").write_text(TOKENIZER.to_str())
    given = ["--tokenizer", str(tmp_path / "tokenizer.json")]
    done = CliRunner().invoke(cli, [str(file), "-o", str(tmp_path / "out"), *given])
    assert done.exit_code == 0, done.output
    assert_same(whole, tmp_path / "out")


def test_the_card_says_what_it_is_and_how_it_was_fused(tmp_path: Path) -> None:
    model = model_of("decoder")
    export_folder(model, tmp_path / "out", "ot-fusion-seed0", json.dumps({"method": "merged"}))
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert "# ot-fusion-seed0" in card
    assert '{"method": "merged"}' in card
    assert "AutoModelForCausalLM" in card
    assert PLAN not in card
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("README.md", "config.json", "generation_config.json"),
        *("model.safetensors", "tokenizer.json", "tokenizer_config.json"),
    ]
