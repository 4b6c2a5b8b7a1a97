"""`fedot.fuse`: models as they are at hand, files among them, into one that can be used."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.from_disk.jobs import check_same_classes
from fedot.fusion import FusionConfig, FusionPlan
from fedot.fusion import fuse as fuse_states
from fedot.fusion.by_part.large import is_large
from fedot.fusion.canonical.labels import unite
from fedot.fusion.problem.prepare import Model
from fedot.fusion.texts.probe import Probe
from fedot.library.fused_model import FusedModel
from fedot.models import State, load_model, state_of, symmetry
from fedot.saved import SavedModel, read_model
from fedot.symmetry import SymmetrySpec
from fedot.tokenizer import read_tokenizer, vocabulary

AnyModel = Model | SavedModel | FusedModel | str | Path
"""A module with a ``config``, a pair of state and configuration, a model that was read or fused, or a file's path."""


def fuse(
    models: Sequence[AnyModel],
    *,
    spec: SymmetrySpec | Sequence[SymmetrySpec] | None = None,
    weights: Sequence[float] | None = None,
    token_counts: Sequence[Tensor] | None = None,
    class_counts: Sequence[Tensor] | None = None,
    vocabularies: Sequence[Sequence[str]] | None = None,
    anchor: int = 0,
    probe: Probe | None = None,
    masses: Sequence[Mapping[str, Tensor]] | None = None,
    validation_losses: Sequence[float] | None = None,
    shared_start: bool = False,
    config: FusionConfig | FusionPlan | None = None,
    build: Callable[[Any, State], nn.Module] = load_model,
) -> FusedModel:
    """Make one model of many, without any data: by reduction, or by optimal transport and an average.

    Models that were read with `fedot.read_model`, fused before, or are named by a path bring along their vocabularies,
    token counts and class counts; what is given here goes before. They count where all models have them.

    Parameters
    ----------
    models
        Two or more of one architecture: paths of .safetensors files, what `fedot.read_model` or `fedot.fuse` gives,
        modules with a `config`, or (state, config) pairs. Widths, heads and vocabularies may differ. With a `spec` a
        module needs no `config`. Folders of the transformers library are fused by `fedot.hf.fuse_folders`.
    spec
        Symmetry of the models, for an architecture that fedot does not know (`fedot.symmetry.SpecBuilder`): one for
        all, or one for each.
    weights
        One for each model, its number of training examples where it is known; equal if None.
    token_counts
        How often each model has seen each of its tokens, (V_k,).
    class_counts
        How many examples of each class each model has learnt from, (C,).
    vocabularies
        Token of each embedding row. Needed where the vocabularies differ; without them rows go by index.
    anchor
        Index of the model whose neurons, widths and heads the result has, unless `config.anchor` chooses another.
    probe
        Inputs for methods that look at activations; where it is None they draw texts from the token counts.
    masses
        For `mass="given"`: for each model, the masses of its neurons by neuron group, (n,) each.
    validation_losses
        One for each model, for ``anchor="best"``.
    shared_start
        Whether all models were trained from one and the same: then they share a basis, and ``auto`` averages them.
    config
        The method and its options, or a plan, as of an earlier result, which is run as it is.
    build
        Makes a module of a configuration and a state, for methods that run models of other architectures.

    Returns
    -------
    FusedModel
        The fused model and how it came about; it has `predict` and `save`.

    Raises
    ------
    FedotError
        If a file cannot be read, or the models cannot be fused; the message names what does not fit.

    Examples
    --------
    >>> import torch
    >>> from fedot.models import EncoderConfig, build_model
    >>> config = EncoderConfig(vocab_size=50, n_class=2, d_model=16, n_head=2, n_layer=1, d_ff=32, max_length=8)
    >>> models = [build_model(config, seed=k) for k in (0, 1)]
    >>> fuse(models, token_counts=[torch.ones(50), torch.ones(50)])
    FusedModel(2 models, merged: encoder, 1 layer of width 16, 50 tokens, 2 classes, 4,242 weights)
    """
    if isinstance(models, str | Path):
        raise FedotError(f"models are {str(models)!r}; give a list of two or more")
    given = [_read(model, with_spec=spec is not None) for model in models]
    known = [model for model in given if isinstance(model, SavedModel)]
    plain = [(model.state, model.config) if isinstance(model, SavedModel) else model for model in given]
    named = zip(models, given, strict=True)
    check_same_classes(
        [(_name(k, raw), model.classes) for k, (raw, model) in enumerate(named) if isinstance(model, SavedModel)]
    )
    if len(known) == len(given):
        vocabularies = vocabularies or _of_all([_words(model) for model in known])
        token_counts = token_counts or _of_all([model.token_counts for model in known])
        large = is_large(symmetry(model.config) for model in known)
        if class_counts is None and token_counts is not None and not large:
            class_counts = _of_all([model.class_counts for model in known])
    result = fuse_states(
        plain,
        spec=spec,
        weights=weights,
        token_counts=token_counts,
        class_counts=class_counts,
        vocabularies=vocabularies,
        anchor=anchor,
        probe=probe,
        masses=masses,
        validation_losses=validation_losses,
        shared_start=shared_start,
        config=config,
        build=build,
    )
    tokenizers = {model.tokenizer for model in known} if len(known) == len(given) else {None}
    return FusedModel.of(
        result,
        tokenizer=tokenizers.pop() if len(tokenizers) == 1 else None,
        token_counts=_together(token_counts, vocabularies),
        classes=next((model.classes for model in known if model.classes), ()),
        class_counts=None if class_counts is None else torch.stack(list(class_counts)).sum(0),
    )


def _read(model: AnyModel, *, with_spec: bool) -> Model | SavedModel:
    if isinstance(model, FusedModel):
        return model.model
    if isinstance(model, str | Path):
        if Path(model).is_dir():
            raise FedotError(
                f"{model} is a folder of the transformers library; fuse such folders with "
                "fedot.hf.fuse_folders([...], out)"
            )
        return read_model(model)
    if with_spec and isinstance(model, nn.Module) and not hasattr(model, "config"):
        return state_of(model), None
    return model


def _name(number: int, model: AnyModel) -> str:
    return str(model) if isinstance(model, str | Path) else f"model {number}"


def _words(model: SavedModel) -> tuple[str, ...] | None:
    return vocabulary(read_tokenizer(model.tokenizer)) if model.tokenizer else model.vocabulary


def _of_all(values: Sequence[Any]) -> list[Any] | None:
    return None if any(value is None for value in values) else list(values)


def _together(counts: Sequence[Tensor] | None, words: Sequence[Sequence[str]] | None) -> Tensor | None:
    """How often all models together have seen each row of the result; None where nobody has counted."""
    if counts is None or not any(bool(count.any()) for count in counts):
        return None
    if words is None:
        return torch.stack(list(counts)).sum(0)
    union = unite(words)
    return torch.stack([union.scatter(k, count) for k, count in enumerate(counts)]).sum(0)
