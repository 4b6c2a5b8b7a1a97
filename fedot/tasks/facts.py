"""What a scenario and a report say of each task, so that neither has to load what carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class InTransformers:
    """A task in the transformers library.

    Attributes
    ----------
    pipeline_tag
        What the library and its hub call it.
    loader
        The class that loads a model for it.
    use
        Python that uses what was loaded, `tokenizer` and `model`.
    """

    pipeline_tag: str
    loader: str
    use: str


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What is known of a task without its functions (`fedot.tasks.task.Task`).

    Attributes
    ----------
    name
        Value of ``task`` in a scenario.
    architecture
        Name of the model that does it (`fedot.models.MODELS`).
    sums_in_words
        What a tally holds, for whoever reads a report.
    in_transformers
        What it is there.
    has_classes
        Whether rows have a ``label``. A class is the same class whichever tokenizer a model has; a token is not.
    defaults
        Of a scenario's mappings where it does not say.
    former_names
        What else a scenario may call it.

    Examples
    --------
    >>> TASK_FACTS["translation"].architecture
    'seq2seq'
    """

    name: str
    architecture: str
    sums_in_words: str
    in_transformers: InTransformers
    has_classes: bool = False
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    former_names: tuple[str, ...] = ()


TASK_FACTS = {
    facts.name: facts
    for facts in (
        TaskFacts(
            name="classification",
            architecture="encoder",
            sums_in_words="(a confusion matrix, the summed loss, calibration bins; these also at every temperature of "
            "a fixed grid, and the summed validation loss at each) ",
            in_transformers=InTransformers(
                "text-classification",
                "AutoModelForSequenceClassification",
                """inputs = tokenizer("A sentence.", truncation=True, return_tensors="pt")
print(model(**inputs).logits.softmax(-1))""",
            ),
            has_classes=True,
            former_names=("sentiment",),
        ),
        TaskFacts(
            name="translation",
            architecture="seq2seq",
            sums_in_words="",
            in_transformers=InTransformers(
                "translation",
                "AutoModelForSeq2SeqLM",
                """inputs = tokenizer("A sentence.", return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs, num_beams=4, max_new_tokens=40)[0], skip_special_tokens=True))""",
            ),
            # 14,500 pairs of Multi30k learn to translate by these (BLEU 27); a third of the epochs at a third of the
            # rate, which are a classifier's defaults, teach next to nothing (BLEU 5)
            defaults={
                "tokenizer": {"kind": "reversible", "vocab_size": 3000},
                "model": {"d_model": 96},
                "train": {
                    "epochs": 12,
                    "batch_size": 48,
                    "lr": 3e-3,
                    "keep": "best",
                    "patience": 3,
                    "label_smoothing": 0.1,
                },
            },
        ),
        TaskFacts(
            name="language-model",
            architecture="decoder",
            sums_in_words="(the summed loss, how many tokens there are and how many were foreseen, and their bytes) ",
            in_transformers=InTransformers(
                "text-generation",
                "AutoModelForCausalLM",
                """inputs = tokenizer("A text that goes on", return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=20)[0], skip_special_tokens=True))""",
            ),
            # what it is judged by is the loss itself
            defaults={"tokenizer": {"kind": "reversible"}, "train": {"keep": "best"}},
        ),
    )
}

DEFAULT = "classification"
"""The task of a scenario that does not say."""


def present_name(name: str) -> str:
    """The name of a task that may be called by a former one; any other text stays as it is.

    Parameters
    ----------
    name
        A task's name, or what it was called before.

    Returns
    -------
    str

    Examples
    --------
    >>> present_name("sentiment")
    'classification'
    """
    return next((facts.name for facts in TASK_FACTS.values() if name in facts.former_names), name)
