"""Translation: pairs of sentences, search for the best translation, and its scores.

Training is `fedot.training.train`'s, on `Pairs`; a client's evaluation is a `TranslationTally`.
"""

from fedot.translation.pairs import Pairs, encode_pairs
from fedot.translation.scores import TranslationTally
from fedot.translation.search import beam_search

__all__ = ["Pairs", "TranslationTally", "beam_search", "encode_pairs"]
