"""Whether models of the transformers library compute the same function of their weights, so that they can be fused."""

from collections.abc import Sequence

from fedot.errors import FedotError
from fedot.hf.companions import check_companions
from fedot.hf.folder import HFModel
from fedot.hf.tokens.tokenizer_rules import differing_rule, read_rules
from fedot.models.families import adapter_of
from fedot.models.families.settings import HFSettings, differences, problem, shown, token_number, told_difference
from fedot.text.outside import printable

BY_NUMBER = ("vocab.source", "vocab.target")
"""Tables whose rows go by number even where their tokens are known."""


def check_alike(models: Sequence[HFModel]) -> None:
    """Refuse models whose weights do not mean the same, each against the first.

    Parameters
    ----------
    models
        As `fedot.hf.load_folder` reads them.

    Raises
    ------
    FedotError
        Naming the key or the file in which two folders differ, and both values.

    Examples
    --------
    >>> from pathlib import Path
    >>> import torch
    >>> from fedot.hf import HF_MODELS
    >>> config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "tie_word_embeddings": False}
    >>> config |= {"n_embd": 4, "n_head": 2, "n_layer": 1, "vocab_size": 6, "n_positions": 8}
    >>> spec = HF_MODELS["gpt2"].symmetry(config)
    >>> one = HFModel({}, spec, config, {}, torch.float32, Path("one"))
    >>> other = HFModel({}, spec, config | {"activation_function": "relu"}, {}, torch.float32, Path("other"))
    >>> check_alike([one, other])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    fedot.errors.FedotError: other has activation_function 'relu', but one has activation_function 'gelu_new'; ...
    """
    for model in models[1:]:
        _check_kind(models[0], model)
        settings = adapter_of(model.config).settings
        _check_config(models[0], model, settings)
        _check_classes(models[0], model)
        _check_tokenizer(models[0], model)
        _check_special(models[0], model, settings)
        check_companions(models[0].folder, model.folder)


def _check_kind(first: HFModel, model: HFModel) -> None:
    for key in ("model_type", "architectures"):
        ours, theirs = first.config[key], model.config[key]
        if ours != theirs:
            raise FedotError(
                f"{model.folder} has {key} {shown(theirs)}, but {first.folder} has {shown(ours)}; "
                "models of one class are needed"
            )


def _check_config(first: HFModel, model: HFModel, settings: HFSettings) -> None:
    keys = differences(first.config, model.config, settings)
    if not keys and first.spec.axes.keys() != model.spec.axes.keys():
        ours, theirs = (each.config.get("tie_word_embeddings") for each in (first, model))
        keys = ("tie_word_embeddings",) if ours != theirs else ()
    if keys:
        ours, theirs = told_difference(keys, first.config, model.config, settings)
        _refuse(first, ours, model, theirs)


def _refuse(first: HFModel, ours: str, model: HFModel, theirs: str) -> None:
    raise FedotError(
        f"{model.folder} has {theirs}, but {first.folder} has {ours}; the same weights compute something else then, "
        "so fuse models that were trained with one config.json"
    )


def _check_special(first: HFModel, model: HFModel, settings: HFSettings) -> None:
    """Compare tokens that the function itself knows, and what its logits are read as."""
    read = model.config["architectures"][0] in settings.padded
    for key in ("pad_token_id", "decoder_start_token_id"):
        ours, theirs = (token_number(each.config, key, settings) for each in (first, model))
        if (ours is None or theirs is None) and not (read and key == "pad_token_id"):
            continue
        words = [_words(each) for each in (first, model)]
        numbered = ours == theirs
        named = _token(words[0], ours) == _token(words[1], theirs) if all(words) else numbered
        alike = named and numbered if settings.placed else named if read else named or numbered
        if not alike:
            _refuse(first, f"{key} {shown(ours)}", model, f"{key} {shown(theirs)}")
    own, other = (problem(each.config, len(each.labels.get("class", ()))) for each in (first, model))
    if own != other and "class" in first.labels:
        _refuse(first, f"problem_type {own}", model, f"problem_type {other}")


def _words(model: HFModel) -> Sequence[str]:
    return model.labels.get("vocab", model.labels.get("vocab.target", ()))


def _token(words: Sequence[str], number: object) -> object:
    return words[number] if isinstance(number, int) and 0 <= number < len(words) else number


def _check_classes(first: HFModel, model: HFModel) -> None:
    ours, theirs = first.labels.get("class"), model.labels.get("class")
    if ours != theirs:
        raise FedotError(
            f"{model.folder} has the classes {_listed(theirs)}, but {first.folder} has {_listed(ours)}; "
            "write one id2label into both config.json, with the classifier's rows in that order"
        )


def _listed(classes: Sequence[str] | None) -> str:
    return printable(", ".join(classes or ()))


def _check_tokenizer(first: HFModel, model: HFModel) -> None:
    for group in BY_NUMBER:
        ours, theirs = first.labels.get(group), model.labels.get(group)
        if ours is not None and theirs is not None and ours != theirs:
            raise FedotError(
                f"{model.folder} and {first.folder} have different tokens in {group}, whose rows go by number; "
                "fuse models that have one tokenizer"
            )
    if not any(name.startswith("vocab") and name in model.labels for name in first.labels):
        return
    own, other = read_rules(first.folder), read_rules(model.folder)
    key = differing_rule(own, other)
    if key is not None:
        raise FedotError(
            f"the tokenizer in {model.folder} has {key} {shown(other.get(key))}, but that in {first.folder} has "
            f"{shown(own.get(key))}; "
            "one of them would read texts as it has never seen them, so fuse models of one tokenizer"
        )
