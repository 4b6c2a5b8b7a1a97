from itertools import pairwise

import numpy as np
import pytest
import sacrebleu

from fedot.errors import FedotError
from fedot.evaluation.translation_scores import TranslationTally, signatures, tally_translations

SAID = [
    "Ein Mann geht über die Straße.",
    "Zwei Hunde im Schnee spielen heute .",
    "Ein T-Shirt",
    "",
    "Das ist alles nicht so gut wie 2.5",
]
RIGHT = [
    "Ein Mann läuft über eine Straße.",
    "Zwei Hunde spielen heute im Schnee.",
    "Ein T-Shirt",
    "Eine Frau singt.",
    "Das ist nicht gut, nur 2.5 Punkte",
]


def tallies(cuts=(0, 2, 3, 5)):
    return [tally_translations(float(a + 1), 10 * (b - a), SAID[a:b], RIGHT[a:b]) for a, b in pairwise(cuts)]


def test_pooled_scores_are_sacrebleus_of_all_sentences():
    first, *rest = tallies()
    pooled = sum(rest, first).metrics()
    assert pooled["bleu"] == pytest.approx(sacrebleu.corpus_bleu(SAID, [RIGHT]).score, abs=1e-9)
    assert pooled["chrf"] == pytest.approx(sacrebleu.corpus_chrf(SAID, [RIGHT]).score, abs=1e-9)
    assert pooled["nll"] == (1 + 3 + 4) / 50
    parts = [tally.metrics()["bleu"] for tally in tallies()]
    assert pooled["bleu"] != pytest.approx(np.mean(parts), abs=0.5)  # a mean of BLEU is no BLEU


def test_a_perfect_translation_has_all_points():
    perfect = tally_translations(0.0, 9, RIGHT, RIGHT).metrics()
    assert perfect["bleu"] == pytest.approx(100)
    assert perfect["chrf"] == pytest.approx(100)


def test_without_translations_only_the_loss_is_known():
    loss = tally_translations(3.0, 6, [], [])
    assert loss.metrics() == {"nll": 0.5}
    assert TranslationTally.from_record(loss.to_record()).metrics() == {"nll": 0.5}


def test_a_tally_survives_the_wire():
    for tally in tallies():
        again = TranslationTally.from_record(tally.to_record())
        assert again.metrics() == tally.metrics()
        assert again.count == tally.count


def test_only_sums_are_sent():
    sent = tallies()[0].to_record()
    assert all(isinstance(value, float | list) for value in sent.values())
    assert sum(len(value) for value in sent.values() if isinstance(value, list)) == 28


@pytest.mark.parametrize(
    "change",
    [{"nll-sum": "x"}, {"token-count": 0.0}, {"bleu-statistics": [1.0]}, {"chrf-statistics": [-1.0] * 18}],
)
def test_malformed_sums_are_refused(change):
    record = {**tallies()[0].to_record(), **change}
    with pytest.raises(FedotError, match="evaluation"):
        TranslationTally.from_record(record)
    del record["bleu-statistics"]
    with pytest.raises(FedotError, match="cannot be read"):
        TranslationTally.from_record(record)


def test_what_does_not_fit_is_refused():
    with pytest.raises(FedotError, match="2 translations for 1 references"):
        tally_translations(1.0, 5, ["a", "b"], ["a"])
    with pytest.raises(FedotError, match="not finite"):
        tally_translations(float("nan"), 5, ["a"], ["a"])


def test_signatures_say_how_the_scores_were_made():
    assert "tok:13a" in signatures()["bleu"]
    assert "nc:6" in signatures()["chrf"]
