"""`fedot.fuse` takes what is at hand, knows what files know, and gives a model to use and to save."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn
from typer.testing import CliRunner

import fedot
from fedot.errors import FedotError
from fedot.from_disk.cli import cli
from fedot.fusion import fuse as fuse_states
from fedot.models import build_model, model_config, state_of
from fedot.saved import SavedModel
from fedot.symmetry import SpecBuilder
from fedot.tasks import TASKS
from fedot.tokenizer import count_words, train_tokenizer, vocabulary

TEXTS = ["a good film", "what a dull evening", "good", "dull dull dull and long, so long", "a film"]
OTHERS = ["hyvä elokuva", "tylsä ilta", "good elokuva"]
SHAPE = {"d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 16, "max_length": 6}


def words_of(texts, task="classification"):
    kind = "wordpiece" if task == "classification" else "reversible"
    return train_tokenizer(count_words(texts * 3, kind), kind=kind, vocab_size=80, special=TASKS[task].special_tokens)


def trained(seed, texts=TEXTS, task="classification", **changes):
    """A model as a run leaves it: with its tokenizer, counts and names of classes."""
    words, classes = words_of(texts, task), ("bad", "good") if task == "classification" else ()
    architecture = TASKS[task].architecture
    config = model_config({"name": architecture, **SHAPE}, words.get_vocab_size(), len(classes))
    known = {"token_counts": torch.arange(config.vocab_size) + seed, "classes": classes}
    if classes:
        known["class_counts"] = torch.tensor([6, 2 + seed])
    return SavedModel(config, state_of(build_model(config, seed)), words.to_str(), **{**known, **changes})


@pytest.fixture
def files(tmp_path):
    models = [trained(0), trained(1)]
    return [model.save(tmp_path / f"{k}.safetensors") for k, model in enumerate(models)]


def equal(a, b):
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def metadata(path):
    with safe_open(path, "pt") as file:
        return {key: value for key, value in file.metadata().items() if key not in ("checksum", "format")}


@pytest.mark.parametrize("others", [(TEXTS, TEXTS), (TEXTS, OTHERS)])
def test_what_is_saved_is_what_the_command_writes(others, tmp_path):
    files = [trained(k, texts).save(tmp_path / f"{k}.safetensors") for k, texts in enumerate(others)]
    by_command, by_function = tmp_path / "command.safetensors", tmp_path / "function.safetensors"
    done = CliRunner().invoke(cli, [*map(str, files), "-o", str(by_command)])
    assert done.exit_code == 0, done.output
    fused = fedot.fuse(files)
    assert fused.save(by_function) == by_function
    assert metadata(by_function) == metadata(by_command)
    found, wanted = fedot.read_model(by_function), fedot.read_model(by_command)
    equal(found.state, wanted.state)
    equal(fused.state, wanted.state)
    assert found.classes == ("bad", "good")
    assert torch.equal(found.class_counts, torch.tensor([12, 5]))
    assert (found.tokenizer is not None) == (others[0] is others[1])


def test_paths_texts_of_paths_and_models_that_were_read_are_one_thing(files):
    read = [fedot.read_model(path) for path in files]
    found = [fedot.fuse(each) for each in (files, list(map(str, files)), read, [files[0], read[1]])]
    for each in found[1:]:
        equal(each.state, found[0].state)
        assert each.plan == found[0].plan
    assert found[0].plan.method == "merged"  # for which the token counts of the files were needed
    assert [stage["stage"] for stage in found[0].plan.as_dict()["stages"]].count("class-shares") == 1


def test_what_is_given_goes_before_what_files_say(files):
    counts = [torch.ones(len(fedot.read_model(path).token_counts)) for path in files]
    given = fedot.fuse(files, token_counts=counts)
    assert not all(torch.equal(t, given.state[name]) for name, t in fedot.fuse(files).state.items())
    assert torch.equal(given.token_counts, counts[0] * 2)


def test_pairs_and_modules_are_fused_as_ever(files):
    read = [fedot.read_model(path) for path in files]
    pairs = [(model.state, model.config) for model in read]
    counts = [model.token_counts for model in read]
    found = fedot.fuse(pairs, token_counts=counts, weights=[3, 1])
    wanted = fuse_states(pairs, token_counts=counts, weights=[3, 1])
    equal(found.state, wanted.state)
    assert isinstance(found, fedot.FusionResult)
    for name in ("config", "plan", "anchor", "vocabulary"):
        assert getattr(found, name) == getattr(wanted, name)
    with pytest.raises(FedotError, match="no tokenizer; give one of theirs"):
        found.predict(TEXTS)
    assert len(found.model.with_tokenizer(read[0].tokenizer).predict(TEXTS)) == len(TEXTS)


def test_the_public_function_takes_all_that_the_mathematics_takes():
    of_a_server = {"row"}  # that reduces models while it awaits others
    wanted = [name for name in inspect.signature(fuse_states).parameters if name not in of_a_server]
    assert list(inspect.signature(fedot.fuse).parameters) == wanted


def test_a_fused_model_is_fused_again(files):
    once = fedot.fuse(files)
    again = fedot.fuse([once, files[0]])
    assert again.tokenizer == once.tokenizer
    assert torch.equal(again.token_counts, once.token_counts + fedot.read_model(files[0]).token_counts)


def test_a_model_that_knows_less_takes_no_counts_along(files):
    bare = replace(fedot.read_model(files[0]), token_counts=None, class_counts=None)
    fused = fedot.fuse([bare, files[1]])
    assert fused.token_counts is None
    assert fused.class_counts is None
    assert fused.plan.method == "aligned"


def test_the_likeliest_class_of_each_text_is_told(files):
    fused = fedot.fuse(files)
    found = fused.predict([*TEXTS, "", None])
    assert list(found.columns) == ["text", "class", "probability"]
    likely = fused.model.probabilities(TEXTS)
    assert found["class"][:5].tolist() == [("bad", "good")[i] for i in likely.argmax(1)]
    np.testing.assert_allclose(found["probability"][:5], likely.max(1), atol=1e-6)
    assert found[["class", "probability"]][5:].isna().all().all()
    assert len(fused.predict("a good film")) == 1
    assert len(fused.predict([])) == 0
    assert fused.predict(["", " "]).iloc[:, 1:].isna().all().all()


@pytest.mark.parametrize(("task", "column"), [("translation", "translation"), ("language-model", "continuation")])
def test_other_tasks_answer_in_their_own_way(task, column, tmp_path):
    files = [trained(k, task=task).save(tmp_path / f"{k}.safetensors") for k in (0, 1)]
    found = fedot.fuse(files).predict(TEXTS[:2])
    assert list(found.columns) == ["text", column]
    assert all(isinstance(text, str) for text in found[column])


def test_nothing_is_overwritten_unless_asked_for(files, tmp_path):
    before = files[0].read_bytes()
    fused = fedot.fuse(files)
    for model in (fused, fused.model):
        with pytest.raises(FedotError, match=r"exists already; .* overwrite it with overwrite=True"):
            model.save(files[0])
    assert files[0].read_bytes() == before
    fused.save(files[0], overwrite=True)
    assert fedot.read_model(files[0]).classes == ("bad", "good")
    with pytest.raises(FedotError, match=r"model\.pt does not end in \.safetensors"):
        fused.save(tmp_path / "model.pt")


def test_refusals_name_the_file_and_the_function_to_call(files, tmp_path):
    other = trained(0, classes=("good", "bad")).save(tmp_path / "other.safetensors")
    with pytest.raises(FedotError, match=rf"{other} has the classes good, bad, but {files[0]} has bad, good"):
        fedot.fuse([files[0], other])
    with pytest.raises(FedotError, match=r"is a folder of the transformers library; .*fedot\.hf\.fuse_folders"):
        fedot.fuse([tmp_path, files[0]])
    with pytest.raises(FedotError, match="give a list of two or more"):
        fedot.fuse(files[0])
    with pytest.raises(FedotError, match="cannot be read"):
        fedot.fuse([tmp_path / "none.safetensors", files[0]])


def net(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))


def test_a_module_of_one_s_own_needs_a_spec_and_no_configuration(tmp_path):
    spec = SpecBuilder()
    spec.group("input", 5, "labels")
    spec.group("hidden", 8, "permutation")
    spec.group("class", 3, "labels")
    spec.linear("0", reads="input", writes="hidden")
    spec.linear("2", reads="hidden", writes="class")
    fused = fedot.fuse([net(0), net(0)], spec=spec.build())
    equal(fused.state, {name: tensor.contiguous() for name, tensor in net(0).state_dict().items()})
    assert repr(fused) == "FusedModel(2 models, aligned: 75 weights)"
    for use in (lambda: fused.save(tmp_path / "x.safetensors"), lambda: fused.predict("x")):
        with pytest.raises(FedotError, match="load `state` into your module"):
            use()
    with pytest.raises(FedotError, match="a Sequential has no `config`"):
        fedot.fuse([net(0), net(1)])


def test_reprs_fit_on_a_line(files):
    model = fedot.read_model(files[0])
    size = model.config.vocab_size
    count = sum(tensor.numel() for tensor in model.state.values())
    told = f"encoder, 1 layer of width 8, {size} tokens, 2 classes, {count:,} weights"
    assert repr(model) == f"SavedModel({told}: bad, good)"
    assert repr(fedot.fuse(files)).startswith("FusedModel(2 models, merged: encoder, 1 layer of width 8")
    assert len(vocabulary(model.reader())) == size
