"""BERT (Devlin et al. 2019), RoBERTa (Liu et al. 2019) and XLM-R (Conneau et al. 2020): post-norm encoders.

The output of every LayerNorm is the stream, so gains and shifts stay where they are and the stream may be
permuted, not rotated. A permutation holds for the tied output layer too, which therefore stays tied.
"""

from collections.abc import Callable, Collection
from typing import Any

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
    refuse,
    size,
    span,
    tied,
)
from fedot.models.families.settings import HFSettings, Value
from fedot.symmetry import SpecBuilder, State, SymmetrySpec

Declare = Callable[[SpecBuilder, Config], None]

POOLED = "add_pooling_layer"
"""Argument of the bare classes, of which config.json says nothing: they may be saved without their pooler."""


def _pooler(spec: SpecBuilder, config: Config) -> None:
    if config.get(POOLED) is False:
        return
    spec.group("pooled", size(config, "hidden_size"), "permutation")
    spec.linear("pooler.dense", reads="residual", writes="pooled")


def _next_sentence(spec: SpecBuilder, config: Config) -> None:  # noqa: ARG001
    spec.group("next", 2, "labels")
    spec.linear("cls.seq_relationship", reads="pooled", writes="next")


def _class_of_text(spec: SpecBuilder, config: Config) -> None:
    spec.group("class", n_class(config), "labels")
    spec.linear("classifier", reads="pooled", writes="class")


def _choice(spec: SpecBuilder, config: Config) -> None:  # noqa: ARG001
    spec.group("class", 1, "labels")
    spec.linear("classifier", reads="pooled", writes="class")


def _dense_class_of_text(spec: SpecBuilder, config: Config) -> None:
    spec.group("pooled", size(config, "hidden_size"), "permutation")
    spec.group("class", n_class(config), "labels")
    spec.linear("classifier.dense", reads="residual", writes="pooled")
    spec.linear("classifier.out_proj", reads="pooled", writes="class")


def _words(dense: str, norm: str, decoder: str, bias: str) -> Declare:
    """Output layer over the vocabulary: a tied table has the stream's neurons, an untied one reads its own."""

    def declare(spec: SpecBuilder, config: Config) -> None:
        group = "residual" if tied(config) else "words"
        if not tied(config):
            spec.group("words", size(config, "hidden_size"), "permutation")
            spec.linear(decoder, reads="words", writes="vocab")
        else:
            spec.vector(bias, writes="vocab")
        spec.linear(dense, reads="residual", writes=group)
        layer_norm(spec, norm, stream=group)

    return declare


_BERT_WORDS = _words(
    "cls.predictions.transform.dense",
    "cls.predictions.transform.LayerNorm",
    "cls.predictions.decoder",
    "cls.predictions.bias",
)
_ROBERTA_WORDS = _words("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head.bias")

BERT_CLASSES: dict[str, tuple[Declare, ...]] = {
    "BertModel": (_pooler,),
    "BertForMaskedLM": (_BERT_WORDS,),
    "BertForPreTraining": (_BERT_WORDS, _pooler, _next_sentence),
    "BertForNextSentencePrediction": (_pooler, _next_sentence),
    "BertForSequenceClassification": (_pooler, _class_of_text),
    "BertForMultipleChoice": (_pooler, _choice),
    "BertForTokenClassification": (class_of_token,),
    "BertForQuestionAnswering": (span,),
}
ROBERTA_CLASSES: dict[str, tuple[Declare, ...]] = {
    "RobertaModel": (_pooler,),
    "RobertaForMaskedLM": (_ROBERTA_WORDS,),
    "RobertaForSequenceClassification": (_dense_class_of_text,),
    "RobertaForMultipleChoice": (_pooler, _choice),
    "RobertaForTokenClassification": (class_of_token,),
    "RobertaForQuestionAnswering": (span,),
}
XLM_ROBERTA_CLASSES = {f"XLM{name}": parts for name, parts in ROBERTA_CLASSES.items()}

HEADS = ("cls.predictions.", "cls.seq_relationship.", "lm_head.", "classifier.", "qa_outputs.")
ROWS = {"vocab_size": "vocab", "max_position_embeddings": "position", "type_vocab_size": "segment"}
SIZES = frozenset({*ROWS, "hidden_size", "num_attention_heads", "intermediate_size"})


def _settings(pad: int, placed: Collection[str] = ()) -> HFSettings:
    defaults: dict[str, Value] = {
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "is_encoder_decoder": False,
        "add_cross_attention": False,
        "pad_token_id": pad,
    }
    return HFSettings(defaults, SIZES, ("num_hidden_layers",), padded=frozenset(placed), placed=bool(placed))


def body(spec: SpecBuilder, config: Config) -> None:
    """Declare embeddings and layers, which the whole family shares."""
    refuse(config, ("is_decoder", "add_cross_attention"))
    width, n_head = size(config, "hidden_size"), size(config, "num_attention_heads")
    spec.group("vocab", size(config, "vocab_size"), "labels")
    spec.group("position", size(config, "max_position_embeddings"), "labels")
    spec.group("segment", size(config, "type_vocab_size"), "labels")
    spec.group("residual", width, "permutation")
    spec.embedding("embeddings.word_embeddings", reads="vocab", writes="residual")
    spec.embedding("embeddings.position_embeddings", reads="position", writes="residual")
    spec.embedding("embeddings.token_type_embeddings", reads="segment", writes="residual")
    layer_norm(spec, "embeddings.LayerNorm", stream="residual")
    for i in range(size(config, "num_hidden_layers")):
        layer = f"encoder.layer.{i}"
        names = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
        attention(
            spec,
            [*names, f"{layer}.attention.output.dense"],
            reads="residual",
            writes="residual",
            label=str(i),
            n_head=n_head,
            d_head=head_size(width, n_head),
        )
        layer_norm(spec, f"{layer}.attention.output.LayerNorm", stream="residual")
        up, down = f"{layer}.intermediate.dense", f"{layer}.output.dense"
        feed_forward(spec, [up], down, stream="residual", label=str(i), width=size(config, "intermediate_size"))
        layer_norm(spec, f"{layer}.output.LayerNorm", stream="residual")


def adapter(
    classes: dict[str, tuple[Declare, ...]], prefix: str, base: str, decoder: str, settings: HFSettings
) -> Adapter:
    """Make the adapter of one of the families; `decoder` is what the output layer over words is called."""
    bias = f"{decoder.rpartition('.')[0]}.bias"

    def symmetry(config: Config) -> SymmetrySpec:
        spec = SpecBuilder()
        body(spec, config)
        for declare in classes[class_of(config, classes)]:
            declare(spec, config)
        return spec.build()

    def split(state: State, config: Config) -> State:
        out = {_renamed(name): tensor for name, tensor in drop_prefix(state, prefix).items()}
        keep, other = (bias, f"{decoder}.bias") if tied(config) else (f"{decoder}.bias", bias)
        spare = out.pop(other, None)  # the two are one tensor, or the class reads only the first
        if spare is not None:
            out.setdefault(keep, spare)
        if tied(config):
            drop_copy(out, f"{decoder}.weight", "embeddings.word_embeddings.weight")
        return drop_unread(out, symmetry(config), ("pooler.", *HEADS), ("embeddings.position_ids",))

    def join(state: State, config: Config) -> State:
        out = dict(state)
        if f"{decoder}.bias" in out:
            out[bias] = out[f"{decoder}.bias"].clone()
        return out if class_of(config, classes) == base else add_prefix(out, prefix, HEADS)

    def canonical(config: Config, names: Collection[str]) -> dict[str, Any]:
        bare = class_of(config, classes) == base and not any("pooler." in name for name in names)
        return {**config, POOLED: False} if bare else dict(config)

    return Adapter(split, canonical, symmetry, join, ROWS, settings)


def _renamed(name: str) -> str:
    """Old files call gain and shift gamma and beta."""
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


BERT = adapter(BERT_CLASSES, "bert", "BertModel", "cls.predictions.decoder", _settings(0))
ROBERTA = adapter(ROBERTA_CLASSES, "roberta", "RobertaModel", "lm_head.decoder", _settings(1, ROBERTA_CLASSES))
XLM_ROBERTA = adapter(
    XLM_ROBERTA_CLASSES, "roberta", "XLMRobertaModel", "lm_head.decoder", _settings(1, XLM_ROBERTA_CLASSES)
)
