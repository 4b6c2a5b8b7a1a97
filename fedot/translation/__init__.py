"""Translation: pairs of sentences, and search for the best translation.

Training is `fedot.training.train`'s, on `Pairs`; a client's evaluation is a
`fedot.evaluation.translation_scores.TranslationTally`.
"""

from fedot.translation.pairs import Pairs, encode_pairs
from fedot.translation.search import beam_search

__all__ = ["Pairs", "beam_search", "encode_pairs"]
