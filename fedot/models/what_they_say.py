"""Which models say tokens, and of what: fedot's own architectures, and checkpoints by their heads."""

from fedot.models.decoder import DecoderConfig
from fedot.models.seq2seq import Seq2SeqConfig


def continues_text(config: object) -> bool:
    """Whether a model says which token comes next in a text.

    Examples
    --------
    >>> continues_text(DecoderConfig(vocab_size=100))
    True
    """
    return isinstance(config, DecoderConfig) or getattr(config, "task", None) == "language-model"


def translates(config: object) -> bool:
    """Whether a model reads one text and says another, so that its `forward` takes two batches of token ids.

    Examples
    --------
    >>> translates(DecoderConfig(vocab_size=100))
    False
    """
    return isinstance(config, Seq2SeqConfig) or getattr(config, "task", None) == "translation"
