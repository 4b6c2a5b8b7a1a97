"""The studies that have a page, and what is compared on it."""

from dataclasses import dataclass

SCENARIO = "python -m fedot.simulate scenarios/{}.yaml --data-dir DATA"
FUSION = "python -m benchmarks.fusion --data-dir DATA --cache CACHE --work {}"
HF = "python -m benchmarks.hf_fusion --data-dir DATA --cache CACHE"


@dataclass(frozen=True, slots=True)
class Study:
    """One page: its title, the command whose results it shows, and what lines are compared with, paired by seed.

    `against` holds names of strategies, or ``best-parent`` or ``own-parents`` (`fedot report --against`).
    """

    title: str
    command: str
    against: tuple[str, ...] = ("fedavg", "best-parent")


def _scenario(title: str, name: str, *against: str) -> Study:
    return Study(title, SCENARIO.format(name), against or ("fedavg", "best-parent"))


STUDIES: dict[str, Study] = {
    "bilingual": _scenario("Two languages", "bilingual", "fedavg", "own-parents"),
    "parallel": _scenario("Two to sixteen clients of one corpus", "parallel"),
    "skew": _scenario("The same with skewed labels", "skew"),
    "single_class": _scenario("The same with one class a client", "single_class"),
    "cross_dataset": _scenario("Phrases, tweets, reviews", "cross_dataset", "fedavg", "best-parent", "own-parents"),
    "multilingual": _scenario("Eight languages", "multilingual", "own-parents"),
    "multilingual_rounds": _scenario("Eight languages over three rounds", "multilingual_rounds", "own-parents"),
    "masses": _scenario("Neuron masses, solvers, supports", "masses", "plain"),
    "heterogeneous": _scenario("Unequal models", "heterogeneous", "best-parent"),
    "periodic": _scenario("Ten and twenty rounds", "periodic", "fedavg"),
    "privacy": _scenario("Local differential privacy", "privacy", "fedavg"),
    "robust": _scenario("Faulty clients", "robust", "fedavg"),
    "language_model": _scenario("Language models of two languages", "language_model", "fedavg", "own-parents"),
    "pretrained": _scenario("One pretrained encoder at four clients", "pretrained", "fedavg", "best-parent"),
    "translation": _scenario("Translators", "translation", "best-parent"),
    "fusion-languages": Study(
        "Every method on the same parents: languages", FUSION.format("xed-en-fi,xed-4,xed-8,xed-16")
    ),
    "fusion-clients": Study(
        "Every method on the same parents: clients of one corpus", FUSION.format("imdb-halves,imdb-4,imdb-8,imdb-16")
    ),
    "fusion-shapes": Study(
        "Every method on the same parents: deeper, wider, unequal",
        FUSION.format("imdb-depth-4,imdb-depth-6,imdb-width-128,imdb-unequal"),
    ),
    "hf-fusion": Study("Models of transformers: accuracy and loss barriers", HF),
}
"""In the order of the summary page. A line here is all that a new study needs, and then its results."""
