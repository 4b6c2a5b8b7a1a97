"""A model file holds all that it takes to use the model."""

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from fedot.errors import FedotError
from fedot.evaluation.evaluate import predict
from fedot.fusion.canonical.labels import select_rows
from fedot.models import build_model, config_to_json, model_config, state_of
from fedot.saved import SavedModel, read_model
from fedot.tasks import TASKS
from fedot.tokenizer import count_words, encode, train_tokenizer, vocabulary
from fedot.translation.pairs import decode_ids
from fedot.translation.translator import Translator

TEXTS = ["a good film", "what a dull evening", "good", "dull dull dull and long, so long", "a film"] * 3
OTHERS = ["hyvä elokuva", "tylsä ilta", "good elokuva"] * 3
SHAPE = {"d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 16, "max_length": 6}


def tokenizer(texts, task="classification"):
    kind = "wordpiece" if task == "classification" else "reversible"
    return train_tokenizer(count_words(texts, kind), kind=kind, vocab_size=80, special=TASKS[task].special_tokens)


def classifier(texts=TEXTS, **changes):
    words = tokenizer(texts)
    config = model_config({"name": "encoder", **SHAPE}, words.get_vocab_size(), 3)
    return SavedModel(config, state_of(build_model(config, 0)), words.to_str(), **changes)


def translator():
    words = tokenizer(TEXTS, "translation")
    config = model_config({"name": "seq2seq", **SHAPE}, words.get_vocab_size(), 0)
    return SavedModel(config, state_of(build_model(config, 0)), words.to_str())


def written(model, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(model.to_bytes())
    return path


@pytest.mark.parametrize("model", [classifier(classes=("bad", "so-so", "good")), classifier(), translator()])
def test_what_is_written_is_read(model, tmp_path):
    counts = torch.arange(model.config.vocab_size)
    examples = None if not model.task.has_classes else torch.tensor([4, 0, 9])
    model = replace(model, token_counts=counts, class_counts=examples)
    found = read_model(written(model, tmp_path))
    assert (found.config, found.tokenizer, found.classes) == (model.config, model.tokenizer, model.classes)
    assert found.vocabulary is None
    assert torch.equal(found.token_counts, counts)
    assert examples is None or torch.equal(found.class_counts, examples)
    assert set(found.state) == set(model.state)
    assert all(torch.equal(found.state[name], tensor) for name, tensor in model.state.items())


def test_the_package_gives_the_function():
    import fedot

    assert fedot.read_model is read_model
    assert fedot.SavedModel is SavedModel


def test_half_precision_is_read_as_single(tmp_path):
    model = classifier()
    half = SavedModel(model.config, {name: each.half() for name, each in model.state.items()}, model.tokenizer)
    found = read_model(written(half, tmp_path))
    assert {tensor.dtype for tensor in found.state.values()} == {torch.float32}
    np.testing.assert_allclose(found.probabilities(TEXTS[:3]), model.probabilities(TEXTS[:3]), atol=2e-3)


def test_probabilities_are_those_of_the_evaluation():
    model = classifier()
    encoded = encode(tokenizer(TEXTS), TEXTS, model.config.max_length)
    found = model.probabilities(TEXTS)
    np.testing.assert_array_equal(found, predict(model.config, model.state, encoded))
    np.testing.assert_allclose(found.sum(1), 1.0)
    np.testing.assert_allclose(model.probabilities(TEXTS[::-1])[::-1], found, atol=1e-6)
    assert np.ptp(found[:5], axis=0).max() > 1e-3  # it does look at the text


def test_translations_are_those_of_the_evaluation():
    model, words = translator(), tokenizer(TEXTS, "translation")
    sources = encode(words, TEXTS[:5], SHAPE["max_length"])
    for beam in (4, 1):
        direct = Translator.of([(model.config, model.state)]).translate(sources, beam)
        assert model.translate(TEXTS[:5], beam) == decode_ids(words, direct)


def test_a_client_reads_its_own_rows_of_a_model_of_several_vocabularies(tmp_path):
    own = classifier()
    rows = vocabulary(tokenizer(OTHERS))
    union = (*rows, *(word for word in vocabulary(tokenizer(TEXTS)) if word not in rows))
    wide_config = model_config({"name": "encoder", **SHAPE}, len(union), 3)
    wide = dict(state_of(build_model(wide_config, 1)))
    for name, tensor in own.state.items():
        if tensor.shape == wide[name].shape:
            wide[name] = tensor
        else:
            wide[name][[union.index(word) for word in vocabulary(tokenizer(TEXTS))]] = tensor
    model = read_model(written(SavedModel(wide_config, wide, vocabulary=union), tmp_path))
    assert model.vocabulary == union
    with pytest.raises(FedotError, match="give one of theirs"):
        model.probabilities(TEXTS)
    found = model.with_tokenizer(own.tokenizer)
    assert found.config == own.config
    np.testing.assert_array_equal(found.probabilities(TEXTS), own.probabilities(TEXTS))


def test_a_tokenizer_of_no_client_is_refused_by_a_token():
    with pytest.raises(FedotError, match=r"tokens that the model does not know, such as '.+'; give that of one"):
        classifier().with_tokenizer(tokenizer(OTHERS).to_str())
    model = classifier()
    with pytest.raises(FedotError, match="1 tokens that the model does not know, such as 'new'"):
        select_rows(model.state, model.config, vocabulary(tokenizer(TEXTS)), ("[PAD]", "new"))


def test_each_does_its_own_task():
    with pytest.raises(FedotError, match="gives no classes"):
        translator().probabilities(TEXTS)
    with pytest.raises(FedotError, match="does not translate"):
        classifier().translate(TEXTS)


@pytest.mark.parametrize("names", ['["bad", "good"]', '"bad"', "{", "[]x"])
def test_names_that_are_not_one_a_class_are_refused(names, tmp_path):
    from safetensors.torch import save_file

    model = classifier()
    save_file(model.state, tmp_path / "a.safetensors", {"config": config_to_json(model.config), "classes": names})
    with pytest.raises(FedotError, match="no names of classes that can be read"):
        read_model(tmp_path / "a.safetensors")


def test_what_is_no_model_file_is_refused(tmp_path):
    with pytest.raises(FedotError, match=r"config\.json cannot be read"):
        read_model(tmp_path)
    with pytest.raises(FedotError, match="cannot be read"):
        read_model(tmp_path / "none.safetensors")
    model = classifier()
    model.state.popitem()
    with pytest.raises(FedotError):
        read_model(written(model, tmp_path))


def test_what_is_saved_is_what_the_bytes_are(tmp_path):
    model = classifier(classes=("bad", "so-so", "good"))
    header, tensors = parts_of(model.save(tmp_path / "model.safetensors").read_bytes())
    assert (header, tensors) == parts_of(model.to_bytes())
    assert len(tensors) == sum(tensor.nbytes for tensor in model.state.values())


def parts_of(content):
    """The header, whose metadata the library writes in any order, and the bytes of the tensors."""
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


@contextmanager
def room_for(size):
    """Let no file grow beyond so many bytes, as on a full disk."""
    resource = pytest.importorskip("resource", reason="only POSIX systems limit the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_model_that_was_there(tmp_path):
    before = classifier().save(tmp_path / "model.safetensors").read_bytes()
    with room_for(1000), pytest.raises(FedotError, match=r"model\.safetensors cannot be written"):
        classifier(OTHERS).save(tmp_path / "model.safetensors", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_tied_and_turned_weights_are_written_as_they_are(tmp_path):
    model = classifier()
    turned = {name: each.T.contiguous().T if each.dim() == 2 else each for name, each in model.state.items()}
    first, second = [name for name, each in turned.items() if each.dim() == 1 and len(each) == 8][:2]
    turned[second] = turned[first]
    model = replace(model, state=turned)
    for path in (model.save(tmp_path / "saved.safetensors"), written(model, tmp_path)):
        found = read_model(path).state
        assert all(torch.equal(found[name], each) for name, each in turned.items())
