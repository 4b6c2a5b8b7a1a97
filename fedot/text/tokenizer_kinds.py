"""Kinds of sub-word tokenizers by name, for whoever only names one."""

from typing import Literal

TokenizerKind = Literal["wordpiece", "bpe", "reversible"]
"""See `fedot.tokenizer`."""
