"""What a config.json says of a model's function beside its tensors: two models are fused only where it is the same.

The rule is safe by default. Keys of which it is known that they do not change what weights compute are listed here,
and sizes that fusion brings together in each family's `HFSettings`; whatever else differs is refused by name, also a
key that a later version of the library may bring.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fedot.errors import FedotError
from fedot.text.outside import printable

Config = Mapping[str, Any]

ABOUT = """
_name_or_path name_or_path _commit_hash transformers_version torch_dtype dtype use_bfloat16 tokenizer_class
finetuning_task task_specific_params prefix use_cache output_attentions output_hidden_states output_scores return_dict
return_dict_in_generate use_return_dict torchscript tf_legacy_loss gradient_checkpointing chunk_size_feed_forward
attn_implementation _attn_implementation _attn_implementation_autoset
"""
"""Names, versions, types of numbers, and what is returned beside the result."""

TRAINING = """
hidden_dropout_prob attention_probs_dropout_prob classifier_dropout classif_dropout dropout dropout_rate
attention_dropout activation_dropout hidden_dropout qa_dropout seq_classif_dropout resid_pdrop embd_pdrop attn_pdrop
summary_first_dropout summary_last_dropout encoder_layerdrop decoder_layerdrop initializer_range initializer_factor
init_std
"""

GENERATION = """
max_length min_length max_new_tokens do_sample early_stopping num_beams num_beam_groups diversity_penalty temperature
top_k top_p typical_p repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size
num_return_sequences bad_words_ids suppress_tokens begin_suppress_tokens exponential_decay_length_penalty
remove_invalid_values bos_token_id eos_token_id sep_token_id forced_bos_token_id forced_eos_token_id
"""

ELSEWHERE = """
architectures model_type id2label label2id num_labels problem_type pad_token_id decoder_start_token_id
tie_word_embeddings
"""
"""Compared by rules of their own."""

NO_FUNCTION = frozenset((ABOUT + TRAINING + GENERATION + ELSEWHERE).split())

NUMBERED = ("bad_words_ids", "suppress_tokens", "begin_suppress_tokens")
"""Keys that hold numbers of tokens, besides those that end in ``_token_id``."""

Value = float | str | bool | None


def as_it_is(config: Config) -> dict[str, Any]:
    """Return a config.json whose keys say all that there is to say."""
    return dict(config)


@dataclass(frozen=True, slots=True)
class HFSettings:
    """What the keys of one family's config.json mean for its function.

    Attributes
    ----------
    defaults
        What the class takes where config.json leaves out a key that changes its function.
    sizes
        Keys in which models may differ, since fusion brings them together.
    depths
        Keys that count layers.
    unread
        Keys that none of the family's classes reads.
    aliases
        Other names of keys, which win over a key's own name as they do in transformers.
    padded
        Classes whose function reads `pad_token_id` itself, so that null is another value than a number.
    placed
        Whether positions are counted from `pad_token_id`, so that its number and not its token matters.
    derive
        config.json to one in which keys that follow from others are written out.
    """

    defaults: Mapping[str, Value]
    sizes: frozenset[str]
    depths: tuple[str, ...]
    unread: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    padded: frozenset[str] = frozenset()
    placed: bool = False
    derive: Callable[[Config], dict[str, Any]] = as_it_is


def own_names(config: Config, aliases: Mapping[str, str]) -> dict[str, Any]:
    """Write a config.json with each key under its own name, as the class understands it."""
    out = {key: value for key, value in config.items() if key not in aliases}
    return out | {aliases[key]: value for key, value in config.items() if key in aliases}


def check_settings(config: Config, settings: HFSettings, tensors: int) -> None:
    """Refuse a config.json whose values are none, or that asks for what no class of the library does by itself.

    Parameters
    ----------
    tensors
        How many tensors the file holds: no model has more layers.

    Raises
    ------
    FedotError
        Naming the key.
    """
    if config.get("auto_map"):
        raise FedotError("config.json has auto_map, so the model is code of its own; fedot fuses the library's classes")
    for key in ("quantization_config", "pruned_heads"):
        if config.get(key):
            raise FedotError(f"config.json has {key}, which fedot cannot align; save the model without it")
    if config.get("position_embedding_type") not in (None, "absolute"):
        kind = shown(config["position_embedding_type"])
        raise FedotError(f"config.json has position_embedding_type {kind}, but fedot can align absolute ones only")
    for key, default in settings.defaults.items():
        value = config.get(key, default)
        if not _fits(key, value, default):
            raise FedotError(f"config.json has {key} {shown(value)}, but {_kind(default)} is needed")
    pad, rows = token_number(config, "pad_token_id", settings), config.get("vocab_size")
    if settings.placed and isinstance(pad, int) and isinstance(rows, int) and not 0 <= pad < rows:
        raise FedotError(f"config.json has pad_token_id {shown(pad)}, but there are {shown(rows)} tokens")
    for key in settings.depths:
        value = config.get(key)
        if type(value) is int and value > tensors:
            raise FedotError(f"config.json has {key} {shown(value)}, but the file holds {tensors} tensors in all")


def _fits(key: str, value: object, default: Value) -> bool:
    """Whether a value is of the kind that its key has."""
    if value is None:
        return _is_numbered(key) or default in (None, "absolute")
    if isinstance(default, bool) or isinstance(value, bool):
        return type(value) is type(default)
    if isinstance(default, str):
        return isinstance(value, str)
    if _is_numbered(key):
        return isinstance(value, int)
    return isinstance(value, int | float) and 0 <= value < math.inf


def _kind(default: Value) -> str:
    return "true or false" if isinstance(default, bool) else "a text" if isinstance(default, str) else "a number"


def differences(ours: Config, theirs: Config, settings: HFSettings) -> tuple[str, ...]:
    """Keys in which two models' functions differ by more than their tensors, sorted.

    Examples
    --------
    >>> bert = HFSettings({"hidden_act": "gelu"}, frozenset({"hidden_size"}), ("num_hidden_layers",))
    >>> differences({"hidden_size": 16}, {"hidden_size": 24, "hidden_act": "relu", "use_cache": False}, bert)
    ('hidden_act',)
    """
    free = NO_FUNCTION | settings.sizes | settings.unread
    one, other = settings.derive(ours), settings.derive(theirs)
    keys = sorted((one.keys() | other.keys() | settings.defaults.keys()) - free)
    return tuple(key for key in keys if _value(one, key, settings) != _value(other, key, settings))


def _value(config: Config, key: str, settings: HFSettings) -> object:
    """A key's effective value: null and what is empty count as left out."""
    value = config.get(key)
    return settings.defaults.get(key) if value is None or value in ([], {}) else value


def token_number(config: Config, key: str, settings: HFSettings) -> object:
    """Return the number of a token that `key` names, or None; null is not the same as left out."""
    return config.get(key, settings.defaults.get(key))


def problem(config: Config, classes: int) -> str:
    """Return what logits are read as: that follows from their number where config.json does not say it."""
    found = config.get("problem_type") or ("regression" if classes == 1 else "single_label_classification")
    return printable(found)


def renumbered(config: Config, first: Config) -> dict[str, Any]:
    """Return `config` with the numbers of tokens that `first` has, whose rows are the first of a fused table."""
    out = {key: value for key, value in config.items() if not _is_numbered(key)}
    return out | {key: value for key, value in first.items() if _is_numbered(key)}


def _is_numbered(key: str) -> bool:
    return key.endswith("_token_id") or key in NUMBERED


def told_difference(keys: Sequence[str], ours: Config, theirs: Config, settings: HFSettings) -> tuple[str, str]:
    """Say the values of `keys` in two config.json: of the first model, and of the other."""
    own, other = (
        ", ".join(f"{key} {shown(_value(settings.derive(config), key, settings))}" for key in keys[:5])
        for config in (ours, theirs)
    )
    return own, other


def shown(value: object) -> str:
    """Write a value of a config.json."""
    return "null" if value is None else printable(repr(value), 60)
