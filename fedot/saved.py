"""A trained model with what it takes to use it: its tokenizer and the names of its classes, in one file."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save
from tokenizers import Tokenizer
from torch import Tensor

from fedot.errors import FedotError
from fedot.from_disk.sources import open_source
from fedot.fusion.canonical.labels import unite
from fedot.fusion.problem.checks import check_finite
from fedot.models import Config, State, config_from_json, config_to_json, symmetry
from fedot.storage.checksum import KEY, metadata_checksum
from fedot.storage.tensor_file import TensorFile
from fedot.tasks import AnyTask, classification, task_of, translation
from fedot.text.outside import printable
from fedot.text.readable import unknown_in
from fedot.tokenizer import encode, read_tokenizer, vocabulary

OF_A_RUN = re.compile(r".+-seed[0-9]+\.safetensors")
"""Name that a run gives a model."""


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A trained model as it lies in a .safetensors file.

    Attributes
    ----------
    config, state
        Architecture and tensors.
    tokenizer
        JSON of a `tokenizers.Tokenizer`; None where clients have one each, then `vocabulary` says whose row is whose.
    vocabulary
        Token of each embedding row.
    token_counts
        How often each token occurs in the texts that the model was trained on, (V,).
    classes
        Their names, by number; empty for models that have none, and where nobody has named them.
    class_counts
        How many of the examples that the model was trained on are of each class, (C,).

    Examples
    --------
    >>> from fedot.models import EncoderConfig, build_model, state_of
    >>> config = EncoderConfig(vocab_size=5, d_model=8, n_head=2, n_layer=1, d_ff=8, max_length=6, n_class=2)
    >>> model = SavedModel(config, state_of(build_model(config, seed=0)), classes=("no", "yes"))
    >>> type(model.to_bytes()), model.classes[1]
    (<class 'bytes'>, 'yes')
    """

    config: Config
    state: State
    tokenizer: str | None = None
    vocabulary: tuple[str, ...] | None = None
    token_counts: Tensor | None = None
    classes: tuple[str, ...] = ()
    class_counts: Tensor | None = None

    @property
    def task(self) -> AnyTask:
        """What it does."""
        return task_of(self.config.architecture)

    def with_tokenizer(self, tokenizer: str) -> "SavedModel":
        """The same model as the client with this tokenizer reads it.

        Raises
        ------
        FedotError
            If the tokenizer has a token that the model has no row for.
        """
        own = vocabulary(read_tokenizer(tokenizer))
        rows = self.vocabulary or (vocabulary(read_tokenizer(self.tokenizer)) if self.tokenizer else own)
        state, config = select_rows(self.state, self.config, rows, own)
        return replace(self, state=state, config=config, tokenizer=tokenizer, vocabulary=None, token_counts=None)

    def probabilities(self, texts: Sequence[str], device: str = "cpu") -> NDArray[np.float64]:
        """Probability of each class for each text, (n, C), rows summing to 1.

        Raises
        ------
        FedotError
            If the model is no classifier, has no tokenizer, or comes to no numbers.
        """
        return classification.probabilities(self, texts, device)

    def translate(
        self, texts: Sequence[str], beam: int = 4, length_penalty: float = 0.6, device: str = "cpu"
    ) -> list[str]:
        """Translate each text, by `fedot.translation.beam_search`.

        Raises
        ------
        FedotError
            If the model is no translator, has no tokenizer, or comes to no numbers.
        """
        return translation.translate(self, texts, beam, length_penalty, device)

    def reading(self, texts: Sequence[str]) -> tuple[list[int], float]:
        """Tell how much of texts is read: which are cut at `max_length`, and the share of unknown tokens in them.

        Raises
        ------
        FedotError
            If the model has no tokenizer.
        """
        most = self.config.max_length
        rows = encode(self.reader(), texts, most + 1).ids
        return [i for i, row in enumerate(rows) if len(row) > most], unknown_in(rows)

    def to_bytes(self) -> bytes:
        """Content of the file."""
        metadata = {"config": config_to_json(self.config)}
        if self.tokenizer:
            metadata["tokenizer"] = self.tokenizer
        if self.vocabulary is not None:
            metadata["vocabulary"] = json.dumps(list(self.vocabulary))
        if self.token_counts is not None:
            metadata["token-counts"] = json.dumps(self.token_counts.tolist())
        if self.classes:
            metadata["classes"] = json.dumps(list(self.classes))
        if self.class_counts is not None:
            metadata["class-counts"] = json.dumps(self.class_counts.tolist())
        metadata[KEY] = metadata_checksum(self.state, metadata)
        content: bytes = save(self.state, metadata)
        return content

    def reader(self) -> Tokenizer:
        """The tokenizer that the model reads with.

        Raises
        ------
        FedotError
            If it has none.
        """
        if not self.tokenizer:
            raise FedotError(
                "the model has the tokens of several clients, and no tokenizer; give one of theirs "
                "(--tokenizer, or `with_tokenizer`)"
            )
        return read_tokenizer(self.tokenizer)


def read_model(path: str | Path) -> SavedModel:
    """Read a model that a run has written, or `python -m fedot.fuse`.

    Parameters
    ----------
    path
        A .safetensors file.

    Returns
    -------
    SavedModel
        Its tensors are in float32.

    Raises
    ------
    FedotError
        If it cannot be read, is damaged, or its tensors are not those of its configuration, or no numbers.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from fedot.models import EncoderConfig, build_model, state_of
    >>> config = EncoderConfig(vocab_size=5, d_model=8, n_head=2, n_layer=1, d_ff=8, max_length=6, n_class=2)
    >>> model = SavedModel(config, state_of(build_model(config, seed=0)), classes=("no", "yes"))
    >>> with TemporaryDirectory() as root:
    ...     _ = Path(root, "model.safetensors").write_bytes(model.to_bytes())
    ...     again = read_model(f"{root}/model.safetensors")
    >>> again.config == config, again.classes
    (True, ('no', 'yes'))
    """
    path = Path(path)
    if path.is_dir():
        raise FedotError(f"{path} is a folder; give a .safetensors file, or load it with transformers' from_pretrained")
    found = open_source(path, path.parent)
    state = {name: found.tensors[name].float() for name in found.tensors}
    check_finite(state, str(path))
    tokenizer, words = (found.tokenizer, None) if found.tokenizer else (None, found.vocabulary)
    return SavedModel(found.config, state, tokenizer, words, found.counts, found.classes, found.class_counts)


def is_of_a_run(path: Path) -> bool:
    """Whether a run wrote this file: it has the name of one of its models, and a configuration of fedot's."""
    if not OF_A_RUN.fullmatch(path.name) or path.is_symlink():
        return False
    try:
        config_from_json(TensorFile(path).metadata.get("config", ""))
    except FedotError:
        return False
    return True


def select_rows(state: State, config: Any, rows: Sequence[str], own: Sequence[str]) -> tuple[State, Any]:
    """Keep a model's embedding rows of a client's `own` tokens, in their order; `rows` are all that it has.

    Raises
    ------
    FedotError
        If it has no row for one of them.
    """
    union = unite([rows, own])
    missing = union.labels[len(rows) :]
    if missing:
        raise FedotError(
            f"the tokenizer has {len(missing)} tokens that the model does not know, "
            f"such as {printable(missing[0], 40)!r}; give that of one of the model's own clients"
        )
    out = dict(state)
    for name, axis in symmetry(config).tensors_of("vocab"):
        out[name] = out[name].index_select(axis, union.index[1])
    return out, replace(config, vocab_size=len(own))
