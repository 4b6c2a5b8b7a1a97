"""What is known of a fine-tuned checkpoint without running it: its config.json, its classes, and what is trained of it.

A configuration may come from elsewhere, so everything in it is held against a bound before a module is built of it. A
client takes none but that of its own checkpoint (`fedot.federation.client.bounds`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from fedot.errors import FedotError
from fedot.models.families import HF_MODELS, adapter_of
from fedot.symmetry import SymmetrySpec
from fedot.text.outside import parse_json, printable

MOST_SETTINGS = 2**15
"""Bytes of the longest config.json."""

MOST_SIZE, MOST_LAYERS, MOST_RANK = 2**24, 2**10, 2**12
"""The largest number in a config.json, most layers, and the highest rank of an adapter."""

LAYERS = (
    *("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers"),
    *("encoder_layers", "decoder_layers"),
)
"""Keys of config.json that count layers."""

HEADS = {
    "classification": ("ForSequenceClassification",),
    "language-model": ("ForCausalLM", "LMHeadModel"),
    "translation": ("ForConditionalGeneration", "MTModel"),
}
"""How the names of classes end whose head does a task."""

LOADERS = {
    "classification": "AutoModelForSequenceClassification",
    "language-model": "AutoModelForCausalLM",
    "translation": "AutoModelForSeq2SeqLM",
}
"""What finds the class for a task that checkpoints are trained for."""

SAYS_CLASSES, CONTINUES = "classification", "language-model"
"""The task of which a head is drawn, and that whose texts all have the tokens that begin and end one."""

ADAPTED = {"classification": "SEQ_CLS", "language-model": "CAUSAL_LM", "translation": "SEQ_2_SEQ_LM"}
"""What the library of adapters calls the tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainedConfig:
    """A checkpoint of the transformers library with the head of a task, and what is trained of it.

    Parameters
    ----------
    checkpoint
        What the scenario calls it: a folder or a name on the hub.
    settings
        config.json of the class that is trained, as one line of JSON whose keys are sorted.
    n_class
        Number of classes; 0 where tokens are said.
    max_length
        Tokens of the longest text; what is longer is cut.
    pad
        Number of the token that pads texts. Inside fedot it changes places with 0 (`fedot.hf.checkpoint`).
    first, last
        Numbers of the tokens that every text begins and ends with, as fedot numbers them; -1 where there are none.
    unknown
        Number of the token that stands for what the tokenizer does not know; -1 where it knows all.
    lora_rank
        Rank of the adapters that are trained in place of the weights (Hu et al. 2022); 0 where all weights are.
    lora_alpha
        Adapters are multiplied by ``lora_alpha / lora_rank``.

    Examples
    --------
    >>> own = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "vocab_size": 100}
    >>> own |= {"hidden_size": 32, "num_hidden_layers": 2}
    >>> config = PretrainedConfig(checkpoint="./mine", settings=written(own), n_class=2, max_length=64)
    >>> config.vocab_size, config.d_model, config.n_layer, config.class_name
    (100, 32, 2, 'BertForSequenceClassification')
    """

    checkpoint: str
    settings: str
    n_class: int
    max_length: int
    pad: int = 0
    first: int = -1
    last: int = -1
    unknown: int = -1
    lora_rank: int = 0
    lora_alpha: float = 0.0
    architecture: Literal["pretrained"] = "pretrained"

    @property
    def config_json(self) -> dict[str, Any]:
        """The settings as a mapping of its own."""
        return dict(_parsed(self.settings))

    @property
    def class_name(self) -> str:
        """The class of transformers that is trained."""
        return str(_parsed(self.settings)["architectures"][0])

    @property
    def task(self) -> str | None:
        """Name of the task that its head does."""
        return task_of_class(self.class_name)

    @property
    def is_tied(self) -> bool:
        """Whether the output layer is the table of tokens, as it is where the settings do not say otherwise."""
        return _parsed(self.settings).get("tie_word_embeddings") is not False

    @property
    def start(self) -> int:
        """The checkpoint's number of the token that its decoder begins with."""
        found = _parsed(self.settings).get("decoder_start_token_id")
        return self.pad if found is None else int(found)

    @property
    def vocab_size(self) -> int:
        """Rows of the table of tokens."""
        return self._first("vocab_size")

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self._first("hidden_size", "n_embd", "dim", "d_model")

    @property
    def n_layer(self) -> int:
        """Number of layers, of an encoder if it has two stacks."""
        return self._first(*LAYERS)

    def _first(self, *keys: str) -> int:
        known = _parsed(self.settings)
        return next((int(known[key]) for key in keys if isinstance(known.get(key), int)), 0)


def written(settings: Mapping[str, Any]) -> str:
    """A config.json as one line, its keys sorted, so that equal settings are equal texts.

    Examples
    --------
    >>> written({"vocab_size": 9, "model_type": "bert"})
    '{"model_type": "bert", "vocab_size": 9}'
    """
    return json.dumps(settings, sort_keys=True, ensure_ascii=False)


@lru_cache(maxsize=64)
def _parsed(settings: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = parse_json(settings, "a checkpoint's config.json", MOST_SETTINGS)
    return found


def check_pretrained(config: PretrainedConfig) -> None:
    """Refuse a configuration of which a value has the wrong type, or that asks for an endless model.

    Raises
    ------
    FedotError
        Saying which; the text begins with "its configuration".
    """
    for key, least, most in (
        ("n_class", 0, 2**16),
        ("max_length", 2, MOST_SIZE),
        ("pad", 0, MOST_SIZE),
        ("first", -1, MOST_SIZE),
        ("last", -1, MOST_SIZE),
        ("unknown", -1, MOST_SIZE),
        ("lora_rank", 0, MOST_RANK),
    ):
        value = getattr(config, key)
        if type(value) is not int or not least <= value <= most:
            raise _wrong(key, value, f"a whole number from {least} to {most} is needed")
    if type(config.lora_alpha) not in (int, float) or not 0 <= config.lora_alpha <= MOST_SIZE:
        raise _wrong("lora_alpha", config.lora_alpha, f"a number from 0 to {MOST_SIZE} is needed")
    if not isinstance(config.checkpoint, str) or not isinstance(config.settings, str):
        raise FedotError("its configuration names no checkpoint")
    try:
        known = _parsed(config.settings)
    except FedotError as error:
        raise FedotError(f"its configuration has settings that cannot be read: {error}") from None
    names = known.get("architectures") if isinstance(known, Mapping) else None
    if not isinstance(names, list) or len(names) != 1 or not isinstance(names[0], str):
        raise FedotError("its configuration does not say which class of transformers it is of")
    if "auto_map" in known:
        raise FedotError("its configuration asks for code of its own, which fedot never runs")
    for key, value in known.items():
        most = MOST_LAYERS if key in LAYERS else MOST_SIZE
        if isinstance(value, int | float) and not -most <= value <= most:
            raise _wrong(key, value, f"at most {most} can be")
    for key in ("pad", "first", "last", "unknown", "start"):
        if getattr(config, key) >= max(2, config.vocab_size):
            raise _wrong(key, getattr(config, key), f"it has {config.vocab_size} tokens")


def task_of_class(class_name: str) -> str | None:
    """Name of the task that a class of transformers does, by its head; None for another head, or none.

    Examples
    --------
    >>> task_of_class("BertForSequenceClassification"), task_of_class("BertModel")
    ('classification', None)
    """
    return next((task for task, ends in HEADS.items() if class_name.endswith(ends)), None)


def with_classes(config: PretrainedConfig, n_class: int) -> PretrainedConfig:
    """The same checkpoint under a head for so many classes.

    Raises
    ------
    FedotError
        If it tells another number of classes apart already.

    Examples
    --------
    >>> own = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "vocab_size": 100}
    >>> config = PretrainedConfig(checkpoint="./mine", settings=written(own), n_class=0, max_length=64)
    >>> with_classes(config, 3).config_json["label2id"]
    {'LABEL_0': 0, 'LABEL_1': 1, 'LABEL_2': 2}
    """
    own = config.config_json
    found = len(own.get("id2label") or ())
    if found not in (0, n_class):
        raise FedotError(
            f"the checkpoint {printable(config.checkpoint, 80)} tells {found} classes apart, but the data have "
            f"{n_class}; save it without its head: AutoModel.from_pretrained(FOLDER).save_pretrained(OTHER)"
        )
    names = {str(i): f"LABEL_{i}" for i in range(n_class)}
    own |= {"id2label": names, "label2id": {name: int(i) for i, name in names.items()}}
    return replace(config, settings=written(own), n_class=n_class)


def pretrained_symmetry(config: PretrainedConfig) -> SymmetrySpec:
    """Symmetry of the checkpoint, under the names of `fedot.models.families`.

    Raises
    ------
    FedotError
        If fedot does not know the symmetry of its class, or only adapters are trained.
    """
    if config.lora_rank:
        raise FedotError(
            "adapters (train.lora) have no neurons to align; use lora-products, which averages what they add to the "
            "weights, or fedavg"
        )
    settings = config.config_json
    if settings.get("model_type") not in HF_MODELS:
        raise FedotError(
            f"{config.class_name} is of no family whose symmetry fedot knows ({', '.join(HF_MODELS)}), so its neurons "
            "cannot be aligned; use fedavg or another strategy that averages"
        )
    return adapter_of(settings).symmetry(settings)


@lru_cache(maxsize=64)
def symmetry_or_none(config: PretrainedConfig) -> SymmetrySpec | None:
    """Symmetry of the checkpoint; None where fedot does not know it."""
    try:
        return pretrained_symmetry(config)
    except FedotError:
        return None


def no_pretrained(settings: dict[str, object], vocab_size: int, n_class: int) -> PretrainedConfig:
    """Refuse to make up a checkpoint: its configuration is its own (`fedot.hf.checkpoint`).

    Raises
    ------
    FedotError
        Always.
    """
    del settings, vocab_size, n_class
    raise FedotError("model.name is pretrained; name a checkpoint instead, as in model: {pretrained: ./bert-tiny}")


def _wrong(key: str, value: object, wanted: str) -> FedotError:
    shown = "a huge number" if isinstance(value, int) and abs(value) >= 2**99 else printable(repr(value), 60)
    return FedotError(f"its configuration says {key} {shown}, but {wanted}")
