"""What every model card has: the head that the hub reads, and the lines that load the model."""

from collections.abc import Mapping
from typing import Any

import yaml

from fedot.errors import FedotError
from fedot.tasks import TASK_FACTS

TAGS = ("fedot", "federated-learning")

USES = {
    "text-classification": """inputs = tokenizer("A sentence.", truncation=True, return_tensors="pt")
print(model(**inputs).logits.softmax(-1))""",
    "text-generation": """inputs = tokenizer("A text that goes on", return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=20)[0], skip_special_tokens=True))""",
    "translation": """inputs = tokenizer("A sentence.", return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs, num_beams=4, max_new_tokens=40)[0], skip_special_tokens=True))""",
}
"""By what the hub calls the task."""

LOADERS = {
    "text-classification": "AutoModelForSequenceClassification",
    "text-generation": "AutoModelForCausalLM",
    "translation": "AutoModelForSeq2SeqLM",
}


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
    """What the hub calls a task.

    Raises
    ------
    FedotError
        If there is no such task.
    """
    if task not in TASK_FACTS:
        raise FedotError(f"there is no task {task}; choose from {', '.join(TASK_FACTS)}")
    return TASK_FACTS[task].pipeline_tag


def loading_lines(task: str) -> str:
    """Python that loads a model from the folder where one is, and uses it."""
    tag = tag_of(task)
    loader = LOADERS[tag]
    return f"""from transformers import AutoTokenizer, {loader}

tokenizer, model = AutoTokenizer.from_pretrained("."), {loader}.from_pretrained(".")
{USES[tag]}"""


def adapter_lines(task: str, base: str, n_class: int) -> str:
    """Python that loads adapters onto the checkpoint they were trained beside, and uses it."""
    tag = tag_of(task)
    loader, more = LOADERS[tag], f", num_labels={n_class}" if n_class else ""
    return f"""from peft import PeftModel
from transformers import AutoTokenizer, {loader}

base = {base!r}  # the checkpoint, a folder or a name on the hub
tokenizer = AutoTokenizer.from_pretrained(base)
model = PeftModel.from_pretrained({loader}.from_pretrained(base{more}), ".")
{USES[tag]}"""
