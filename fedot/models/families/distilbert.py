"""DistilBERT (Sanh et al. 2019): a post-norm encoder like BERT, with names and keys of its own."""

from collections.abc import Callable

from fedot.models.families.adapter import (
    Adapter,
    Config,
    add_prefix,
    attention,
    class_of,
    class_of_token,
    drop_copy,
    drop_prefix,
    drop_unread,
    feed_forward,
    head_size,
    layer_norm,
    n_class,
    size,
    span,
    tied,
    unchanged,
)
from fedot.models.families.settings import HFSettings
from fedot.symmetry import SpecBuilder, State, SymmetrySpec

HEADS = ("vocab_transform.", "vocab_layer_norm.", "vocab_projector.", "pre_classifier.", "classifier.", "qa_outputs.")
ROWS = {"vocab_size": "vocab", "max_position_embeddings": "position"}
SETTINGS = HFSettings(
    {"activation": "gelu", "is_encoder_decoder": False, "pad_token_id": 0},
    sizes=frozenset({*ROWS, "dim", "n_heads", "hidden_dim"}),
    depths=("n_layers",),
    unread=frozenset({"sinusoidal_pos_embds", "tie_weights_"}),  # a table of sinusoids is in the file like any other
    aliases={"hidden_size": "dim", "num_attention_heads": "n_heads", "num_hidden_layers": "n_layers"},
)


def _words(spec: SpecBuilder, config: Config) -> None:
    group = "residual" if tied(config) else "words"
    if tied(config):
        spec.vector("vocab_projector.bias", writes="vocab")
    else:
        spec.group("words", size(config, "dim"), "permutation")
        spec.linear("vocab_projector", reads="words", writes="vocab")
    spec.linear("vocab_transform", reads="residual", writes=group)
    layer_norm(spec, "vocab_layer_norm", stream=group)


def _pooled(spec: SpecBuilder, config: Config, n: int) -> None:
    spec.group("pooled", size(config, "dim"), "permutation")
    spec.group("class", n, "labels")
    spec.linear("pre_classifier", reads="residual", writes="pooled")
    spec.linear("classifier", reads="pooled", writes="class")


def _class_of_text(spec: SpecBuilder, config: Config) -> None:
    _pooled(spec, config, n_class(config))


def _choice(spec: SpecBuilder, config: Config) -> None:
    _pooled(spec, config, 1)


def _no_head(spec: SpecBuilder, config: Config) -> None:
    del spec, config


CLASSES: dict[str, Callable[[SpecBuilder, Config], None]] = {
    "DistilBertModel": _no_head,
    "DistilBertForMaskedLM": _words,
    "DistilBertForSequenceClassification": _class_of_text,
    "DistilBertForMultipleChoice": _choice,
    "DistilBertForTokenClassification": class_of_token,
    "DistilBertForQuestionAnswering": span,
}


def symmetry(config: Config) -> SymmetrySpec:
    """Declare which axis of which tensor belongs to which neuron group."""
    declare_head = CLASSES[class_of(config, CLASSES)]
    width, n_head = size(config, "dim"), size(config, "n_heads")
    spec = SpecBuilder()
    spec.group("vocab", size(config, "vocab_size"), "labels")
    spec.group("position", size(config, "max_position_embeddings"), "labels")
    spec.group("residual", width, "permutation")
    spec.embedding("embeddings.word_embeddings", reads="vocab", writes="residual")
    spec.embedding("embeddings.position_embeddings", reads="position", writes="residual")
    layer_norm(spec, "embeddings.LayerNorm", stream="residual")
    for i in range(size(config, "n_layers")):
        layer = f"transformer.layer.{i}"
        attention(
            spec,
            [f"{layer}.attention.{part}_lin" for part in ("q", "k", "v", "out")],
            reads="residual",
            writes="residual",
            label=str(i),
            n_head=n_head,
            d_head=head_size(width, n_head),
        )
        layer_norm(spec, f"{layer}.sa_layer_norm", stream="residual")
        up, down = f"{layer}.ffn.lin1", f"{layer}.ffn.lin2"
        feed_forward(spec, [up], down, stream="residual", label=str(i), width=size(config, "hidden_dim"))
        layer_norm(spec, f"{layer}.output_layer_norm", stream="residual")
    declare_head(spec, config)
    return spec.build()


def split(state: State, config: Config) -> State:
    """Translate the tensors of a file; a table of sinusoids is one of weights like any other."""
    out = drop_prefix(state, "distilbert")
    if tied(config):
        drop_copy(out, "vocab_projector.weight", "embeddings.word_embeddings.weight")
    return drop_unread(out, symmetry(config), HEADS, ("embeddings.position_ids",))


def join(state: State, config: Config) -> State:
    """Translate back."""
    base = class_of(config, CLASSES) == "DistilBertModel"
    return dict(state) if base else add_prefix(state, "distilbert", HEADS)


DISTILBERT = Adapter(split, unchanged, symmetry, join, ROWS, SETTINGS)
