"""What every model card has: the head that the hub reads, and the lines that load the model."""

from collections.abc import Mapping
from typing import Any

import yaml

from fedot.tasks import TASK_FACTS

TAGS = ("fedot", "federated-learning")


def card_head(**values: Any) -> str:
    """The head of a card, as YAML between two rules; what is empty is left out.

    Examples
    --------
    >>> print(card_head(library_name="transformers", language=["en"], base_model=""))
    ---
    library_name: transformers
    language: [en]
    tags: [fedot, federated-learning]
    ---
    """
    known: Mapping[str, Any] = {"tags": list(TAGS), **{key: value for key, value in values.items() if value}}
    ordered = {key: known[key] for key in (*values, "tags") if key in known}
    lines = yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=None)
    return f"---\n{lines}---"


def tag_of(task: str) -> str:
    """What the hub calls a task."""
    return TASK_FACTS[task].in_transformers.pipeline_tag


def loading_lines(task: str) -> str:
    """Python that loads a model from the folder where one is, and uses it."""
    known = TASK_FACTS[task].in_transformers
    return f"""from transformers import AutoTokenizer, {known.loader}

tokenizer, model = AutoTokenizer.from_pretrained("."), {known.loader}.from_pretrained(".")
{known.use}"""


def adapter_lines(task: str, base: str, n_class: int) -> str:
    """Python that loads adapters onto the checkpoint they were trained beside, and uses it."""
    known, more = TASK_FACTS[task].in_transformers, f", num_labels={n_class}" if n_class else ""
    return f"""from peft import PeftModel
from transformers import AutoTokenizer, {known.loader}

base = {base!r}  # the checkpoint, a folder or a name on the hub
tokenizer = AutoTokenizer.from_pretrained(base)
model = PeftModel.from_pretrained({known.loader}.from_pretrained(base{more}), ".")
{known.use}"""
