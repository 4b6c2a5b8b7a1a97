"""What an adapter of a transformers model family consists of, and what all of them share.

Inside fedot a model of the transformers library has the names of its file, without the prefix of the base model
(``bert.``), one tensor for each projection, and weights in the orientation (out, in).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from fedot.errors import FedotError
from fedot.models.families.settings import HFSettings
from fedot.symmetry import SpecBuilder, State, SymmetrySpec
from fedot.text.outside import printable

Config = Mapping[str, Any]

MOST = 2**27
"""No size in a config.json is larger."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """Pure functions that translate one family of models.

    Attributes
    ----------
    split
        (tensors of the file, its config.json) to the state that `symmetry` describes.
    canonical
        (config.json, names of the file's tensors) to the config.json of the split model: output layers that have to be
        untied are.
    symmetry
        Canonical config.json to the symmetry of the split model.
    join
        (split state, canonical config.json) to the tensors of a file that the model's own class loads.
    rows
        For each key of config.json that counts labelled rows, the name of the neuron group.
    settings
        What the keys of config.json mean for the model's function.

    Examples
    --------
    >>> from fedot.hf import HF_MODELS
    >>> config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "tie_word_embeddings": False}
    >>> config |= {"n_embd": 4, "n_head": 2, "n_layer": 1, "vocab_size": 6, "n_positions": 8}
    >>> HF_MODELS["gpt2"].symmetry(config).shapes()["wte.weight"]
    (6, 4)
    """

    split: Callable[[State, Config], State]
    canonical: Callable[[Config, Collection[str]], dict[str, Any]]
    symmetry: Callable[[Config], SymmetrySpec]
    join: Callable[[State, Config], State]
    rows: Mapping[str, str]
    settings: HFSettings


def class_of(config: Config, known: Mapping[str, object]) -> str:
    """Name of the class that a config.json asks for.

    Raises
    ------
    FedotError
        If it names none, or one that is not in `known`.
    """
    names = config.get("architectures") or [None]
    name = names[0] if isinstance(names, list) else names
    if not isinstance(name, str) or name not in known:
        raise FedotError(
            f"config.json has architectures {printable(repr(name), 60)}, whose symmetry fedot does not know; "
            f"save the model as one of {', '.join(known)}"
        )
    return name


def size(config: Config, key: str, default: int | None = None) -> int:
    """Read a whole number above 0 from a config.json; `default` where it is absent or null.

    Raises
    ------
    FedotError
        If it is missing or no such number.
    """
    value = config.get(key)
    value = default if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        shown = printable(repr(value), 60)
        raise FedotError(f"config.json has {key} {shown}, but a whole number of at least 1 is needed")
    if value > MOST:
        raise FedotError(f"config.json has {key} {printable(value, 60)}, but no model has more than {MOST}")
    return value


def head_size(width: int, n_head: int) -> int:
    """Channels of each head, where all heads together are as wide as the stream."""
    if width % n_head:
        raise FedotError(f"config.json has width {width}, which its {n_head} heads do not divide")
    return width // n_head


def n_class(config: Config) -> int:
    """Count the classes of a classifier; config.json leaves out the default of 2.

    Raises
    ------
    FedotError
        If `id2label` does not name all classes from 0, or not as many as `num_labels` says.
    """
    names = config.get("id2label")
    if not names:
        return size(config, "num_labels", 2)
    if not isinstance(names, dict) or set(map(str, names)) != {str(i) for i in range(len(names))}:
        raise FedotError("config.json has an id2label that does not name the classes from 0 without a gap")
    if config.get("num_labels") not in (None, len(names)):
        shown = printable(repr(config["num_labels"]), 60)
        raise FedotError(f"config.json has num_labels {shown}, but its id2label names {len(names)} classes")
    return len(names)


def class_names(config: Config) -> tuple[str, ...]:
    """Names of the classes by number; those that the library makes up where config.json has none."""
    names = {str(key): str(name) for key, name in (config.get("id2label") or {}).items()}
    return tuple(names.get(str(i), f"LABEL_{i}") for i in range(n_class(config)))


def refuse(config: Config, settings: Sequence[str]) -> None:
    """Refuse a config.json in which one of `settings` is on."""
    for key in settings:
        if config.get(key):
            shown = printable(repr(config[key]), 60)
            raise FedotError(f"config.json has {key} {shown}, which fedot cannot align; it must be off")


def tied(config: Config) -> bool:
    """Whether the output layer is the embedding table; so it is unless config.json says otherwise."""
    return config.get("tie_word_embeddings") is not False


def unchanged(config: Config, names: Collection[str]) -> dict[str, Any]:
    """Return the config.json of a model that needs no other one."""
    del names
    return dict(config)


def untied(config: Config, names: Collection[str]) -> dict[str, Any]:
    """Return the config.json of a model whose output layer has a tensor of its own."""
    del names
    return {**config, "tie_word_embeddings": False}


def drop_prefix(state: State, prefix: str) -> State:
    """Remove the base model's prefix from the names that have it."""
    return {name.removeprefix(f"{prefix}."): tensor for name, tensor in state.items()}


def add_prefix(state: State, prefix: str, heads: Sequence[str]) -> State:
    """Put the base model's prefix before all names but those of the heads."""
    return {name if name.startswith(tuple(heads)) else f"{prefix}.{name}": tensor for name, tensor in state.items()}


def drop_unread(state: State, spec: SymmetrySpec, heads: Sequence[str], buffers: Sequence[str] = ()) -> State:
    """Leave out what the class does not read: buffers, and heads that are left from pre-training.

    A head is all tensors whose names start with one of `heads`; it is kept whole where the spec knows any of it.
    """
    unread = tuple(head for head in heads if not any(name.startswith(head) for name in spec.axes))
    gone = tuple(buffers)
    return {name: t for name, t in state.items() if not (name.startswith(unread) or name.endswith(gone))}


def drop_copy(state: State, name: str, original: str) -> None:
    """Drop a tied tensor that the file holds a second time, in place.

    Raises
    ------
    FedotError
        If the two differ.
    """
    copy = state.pop(name, None)
    if copy is not None and original in state and not torch.equal(copy, state[original]):
        raise FedotError(
            f"config.json ties {name} to {original}, but the file holds two different tensors; "
            "write tie_word_embeddings: false into config.json"
        )


def reshape(state: State, name: str, shape: Sequence[int]) -> None:
    """Give a tensor another shape, in place, where the state has it."""
    if name in state:
        state[name] = state[name].reshape(tuple(shape))


def attention(
    spec: SpecBuilder,
    names: Sequence[str],
    *,
    reads: str,
    writes: str,
    label: str,
    n_head: int,
    d_head: int,
    memory: str | None = None,
    heads: str | None = None,
    bias: bool = True,
    out_bias: bool = True,
    scaled: bool = True,
) -> None:
    """Declare an attention by the names of its q, k, v and o.

    Parameters
    ----------
    label
        Distinguishes its neuron groups.
    memory
        Stream that keys and values read, where it is another one.
    heads
        Its group of heads, where that is declared already.
    bias, out_bias
        Whether q, k, v and whether o have biases.
    """
    q, k, v, o = names
    outer, qk, vo = heads or f"heads.{label}", f"qk.{label}", f"vo.{label}"
    if heads is None:
        spec.group(outer, n_head, "permutation")
    spec.group(qk, d_head, "linear", within=outer)
    spec.group(vo, d_head, "linear", within=outer)
    spec.linear(q, reads=reads, writes=f"{outer} {qk}", bias=bias)
    spec.linear(k, reads=memory or reads, writes=f"{outer} {qk}", bias=bias, dual=True)
    spec.linear(v, reads=memory or reads, writes=f"{outer} {vo}", bias=bias)
    spec.linear(o, reads=f"{outer} {vo}", writes=writes, bias=out_bias)
    spec.attention(q, k, v, o, scaled=scaled)


def feed_forward(
    spec: SpecBuilder, ups: Sequence[str], down: str, *, stream: str, label: str, width: int, bias: bool = True
) -> None:
    """Declare a feed-forward layer; two `ups` where one gates the other."""
    spec.group(f"ffn.{label}", width, "permutation")
    for up in ups:
        spec.linear(up, reads=stream, writes=f"ffn.{label}", bias=bias)
    spec.linear(down, reads=f"ffn.{label}", writes=stream, bias=bias)


def layer_norm(spec: SpecBuilder, name: str, *, stream: str) -> None:
    """Declare a LayerNorm whose output is the stream itself, so that it cannot be folded."""
    spec.vector(f"{name}.weight", writes=stream)
    spec.vector(f"{name}.bias", writes=stream)


def class_of_token(spec: SpecBuilder, config: Config) -> None:
    """Declare the head of BERT and its like that says the class of every token."""
    spec.group("class", n_class(config), "labels")
    spec.linear("classifier", reads="residual", writes="class")


def span(spec: SpecBuilder, config: Config) -> None:
    """Declare the head of BERT and its like that says where an answer begins and ends."""
    spec.group("class", n_class(config), "labels")
    spec.linear("qa_outputs", reads="residual", writes="class")
