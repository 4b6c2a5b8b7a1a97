"""A trained model with what it takes to use it: its tokenizer and the names of its classes, in one file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save
from tokenizers import Tokenizer
from torch import Tensor

from fedot.errors import FedotError
from fedot.from_disk.metadata import model_metadata
from fedot.from_disk.sources import open_source
from fedot.fusion.canonical.labels import select_rows
from fedot.fusion.problem.checks import check_finite
from fedot.hf.checkpoint import open_checkpoint, tokenizer_in
from fedot.hf.checkpoint_folder import save_checkpoint
from fedot.hf.checkpoint_spec import CheckpointSpec
from fedot.hf.checkpoint_tokenizer import reference
from fedot.models import Config, State
from fedot.models.families.adapter import class_names
from fedot.models.pretrained.pretrained_config import PretrainedConfig, task_of_class
from fedot.storage.checksum import KEY, metadata_checksum
from fedot.storage.tensor_file import apart, write_tensors
from fedot.tasks import DEFAULT, TASKS, AnyTask, classification, task_of, translation
from fedot.tasks.task import Answering
from fedot.text.in_short import in_short
from fedot.text.outside import printable
from fedot.text.readable import unknown_in
from fedot.tokenizer import encode, read_tokenizer, vocabulary
from fedot.translation.special_tokens import special_of

if TYPE_CHECKING:  # imported late, since it takes half a second
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
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
    >>> model
    SavedModel(encoder, 1 layer of width 8, 5 tokens, 2 classes, 1,402 weights: no, yes)
    """

    config: Config
    state: State
    tokenizer: str | None = None
    vocabulary: tuple[str, ...] | None = None
    token_counts: Tensor | None = None
    classes: tuple[str, ...] = ()
    class_counts: Tensor | None = None

    def __repr__(self) -> str:
        names = printable(", ".join(self.classes), 80)
        return f"{type(self).__name__}({in_short(self.config, self.state)}{': ' * bool(names)}{names})"

    @property
    def task(self) -> AnyTask:
        """What it does."""
        if isinstance(self.config, PretrainedConfig):
            return TASKS[task_of_class(self.config.class_name) or DEFAULT]
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

    def predict(
        self,
        texts: str | Sequence[str | None],
        *,
        beam: int = 4,
        length_penalty: float = 0.6,
        num_tokens: int = 40,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> "pd.DataFrame":
        """Say what the model makes of texts, a row each, as `fedot predict` does.

        A classifier says the likeliest ``class`` and its ``probability``, a translator the ``translation``, a language
        model the ``continuation``. What is no text, or blank, has no answer.

        Parameters
        ----------
        texts
            One, or several.
        beam, length_penalty
            Of the search for a translation.
        num_tokens, temperature, seed
            Most tokens that a text is continued by, and how they are drawn; temperature 0 takes the likeliest.

        Returns
        -------
        pandas.DataFrame
            With the column ``text`` and those above.

        Raises
        ------
        FedotError
            If the model has no tokenizer, or comes to no numbers.
        """
        import pandas as pd

        given = [texts] if isinstance(texts, str) else list(texts)
        places = [i for i, text in enumerate(given) if isinstance(text, str) and text.strip()]
        how = Answering(beam, length_penalty, num_tokens, temperature, seed)
        found = self.task.answer(self, [str(given[i]) for i in places], how) if places else {}
        name, *likely = found or ("answer",)
        columns = {name: found.get(name, [])}
        if likely:
            columns["probability"] = [max(row) for row in zip(*(found[each] for each in likely), strict=True)]
        answers = pd.DataFrame(columns, index=places, dtype=None if places else object)
        return pd.DataFrame({"text": given}).join(answers)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the model into a .safetensors file, or a checkpoint into a folder; `read_model` reads both.

        Raises
        ------
        FedotError
            If there is something and it may not be overwritten, or is no model; or it cannot be written.
        """
        if isinstance(self.config, PretrainedConfig):
            return save_checkpoint(path, self.config, self.state, self.classes, overwrite=overwrite)
        return write_model(path, self.state, self.metadata(), overwrite=overwrite)

    def reading(self, texts: Sequence[str]) -> tuple[list[int], float]:
        """Tell how much of texts is read: which are cut at `max_length`, and the share of unknown tokens in them.

        Raises
        ------
        FedotError
            If the model has no tokenizer.
        """
        most = self.config.max_length
        rows = encode(self.reader(), texts, most + 1).ids
        return [i for i, row in enumerate(rows) if len(row) > most], unknown_in(rows, special_of(self.config).unknown)

    def to_bytes(self) -> bytes:
        """Content of the file.

        Raises
        ------
        FedotError
            If the model is a checkpoint, which is a folder.
        """
        metadata = self.metadata()
        content: bytes = save(apart(self.state), {**metadata, KEY: metadata_checksum(self.state, metadata)})
        return content

    def metadata(self) -> dict[str, str]:
        """What the file says of its tensors, but for their checksum.

        Raises
        ------
        FedotError
            If the model is a checkpoint, which is a folder.
        """
        if isinstance(self.config, PretrainedConfig):
            raise FedotError("a checkpoint is a folder, not a file; write it with save(FOLDER)")
        return model_metadata(
            self.config,
            tokenizer=self.tokenizer,
            vocabulary=self.vocabulary,
            token_counts=self.token_counts,
            classes=self.classes,
            class_counts=self.class_counts,
        )

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
        return tokenizer_in(self.tokenizer, (), self.task.name)


def write_model(path: str | Path, state: Mapping[str, Tensor], metadata: Mapping[str, str], *, overwrite: bool) -> Path:
    """Write a model's file with a checksum, whole or not at all.

    Raises
    ------
    FedotError
        If its name has another ending, there is such a file and it may not be overwritten, or it cannot be written.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise FedotError(f"{path} does not end in .safetensors, as a model's file must; choose another name")
    if path.exists() and not overwrite:
        raise FedotError(f"{path} exists already; choose another path, or overwrite it with overwrite=True")
    write_tensors(path, state, {**metadata, KEY: metadata_checksum(state, metadata)})
    return path


def read_model(path: str | Path) -> SavedModel:
    """Read a model that a run has written, or `python -m fedot.fuse`.

    Parameters
    ----------
    path
        A .safetensors file, or the folder of a checkpoint with a head that says classes or tokens.

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
        return _read_checkpoint(path)
    found = open_source(path, path.parent)
    state = {name: found.tensors[name].float() for name in found.tensors}
    check_finite(state, str(path))
    tokenizer, words = (found.tokenizer, None) if found.tokenizer else (None, found.vocabulary)
    return SavedModel(found.config, state, tokenizer, words, found.counts, found.classes, found.class_counts)


def _read_checkpoint(path: Path) -> SavedModel:
    """Read a folder whose class has a head for a task."""
    spec = CheckpointSpec(str(path.resolve()))
    found = open_checkpoint(spec, (), hub=False)
    task = task_of_class(str((found.settings.get("architectures") or [""])[0]))
    if task is None:
        raise FedotError(f"{path} is a checkpoint without a head for a task; fine-tune it first (model.pretrained)")
    classes = class_names(found.settings) if TASKS[task].has_classes else ()
    config = found.config(spec, task, len(classes))
    return SavedModel(config, found.start(config, 0), reference(spec.name), classes=classes)
