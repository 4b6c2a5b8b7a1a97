"""The model card of a fine-tuned checkpoint: what it is, its data, how it was made, how good it is, how to load it.

A card tells names and numbers, and nothing that a client's texts say.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from fedot.data.corpora import DATASETS
from fedot.export.card_parts import adapter_lines, card_head, loading_lines, tag_of
from fedot.report.analysis.titles import base_names, kind_of, label_of, plan_lines
from fedot.report.tables.summary import markdown_row, markdown_text, summary_markdown
from fedot.results.notices import stand_in_sentence
from fedot.scenario import ClientSpec, Scenario, parse_scenario
from fedot.text.names import PARENT
from fedot.text.outside import printable

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
LANGUAGE = re.compile(r"[a-z]{2,3}")
MOST_CLIENTS = 50
"""So many clients have a line of their own."""

CARD = """{head}

# {title}

{about}
{stand_in}
## Data

{data}

## How it was made

{made}

## Results

{results}
## How to load it

In the folder of this file:

```python
{loading}
```

```python
import fedot

{fedot}
```

## Limits and privacy

It was tested on the data above and on nothing else, and nobody has looked for what is wrong or one-sided in them or in
the checkpoint. {privacy}, and a model can tell things of the texts that it was trained on.

## Licence

{licence}
"""

ADAPTERS_IN_FEDOT = """# adapters alone are no model; add them to the checkpoint, as loaded above, once
model.merge_and_unload().save_pretrained("whole")
tokenizer.save_pretrained("whole")
fedot.read_model("whole").predict(["Your own text."])"""

UNLICENSED = (
    "Nothing that was at hand when this was written says the licence of the checkpoint. Look it up, and put it in "
    "place of `other` at the head of this file before you pass the model on."
)


def checkpoint_card(results: Mapping[str, Any], strategy: str, seed: int, *, adapters: bool = False) -> str:
    """Write the card of the model that a run has left of a strategy, or reference, and a seed.

    Parameters
    ----------
    results
        Of results.json.
    adapters
        Whether the folder holds adapters alone, which need the checkpoint beside them.

    Returns
    -------
    str
        Markdown with a head of YAML.

    Raises
    ------
    FedotError
        If the results' scenario cannot be read.
    """
    scenario, provenance = parse_scenario(results["scenario"]), results["provenance"]
    names = _whose(scenario, strategy)
    bases = list(dict.fromkeys(_checkpoint_of(scenario, k) for k in names.values()))
    licences = {provenance.get("checkpoints", {}).get(base, {}).get("license", "") for base in bases}
    licence = licences.pop() if len(licences) == 1 else ""
    base = _short(bases[0])
    return CARD.format(
        head=card_head(
            library_name="peft" if adapters else "transformers",
            base_model=[name for name in map(_short, bases) if HUB_NAME.fullmatch(name)],
            language=_languages(scenario, names.values()),
            license=licence or "other",
            pipeline_tag=tag_of(scenario.task),
        ),
        title=markdown_text(f"{scenario.name}: {label_of(strategy, results)}, seed {seed}"),
        about=_about(results, strategy, bases, len(names), adapters),
        stand_in=f"\n**{stand_in_sentence(results)}**\n" if provenance.get("stand_in") else "",
        data=_data(provenance.get("data", {}), names),
        made=_made(results, scenario, strategy, seed),
        results=summary_markdown(_beside_references(results, strategy)),
        loading=adapter_lines(scenario.task, base, _classes(results)) if adapters else loading_lines(scenario.task),
        fedot=_fedot_lines(adapters),
        privacy=_privacy(scenario, _is_pooled(results, strategy)),
        licence=f"That of the checkpoint, as its own card says: `{licence}`." if licence else UNLICENSED,
    )


def _whose(scenario: Scenario, strategy: str) -> dict[str, int]:
    """Clients whose data a model knows, by name: their places in the scenario."""
    names = {name: k for k, name in enumerate(scenario.client_names())}
    own = strategy.removeprefix(PARENT) if strategy.startswith(PARENT) else ""
    return {own: names[own]} if own in names else names


def _checkpoint_of(scenario: Scenario, partition_id: int) -> str:
    return str(scenario.model_settings(partition_id).get("pretrained", ""))


def _short(checkpoint: str) -> str:
    """A checkpoint's name without the folders above it, which tell of somebody's machine."""
    return checkpoint if HUB_NAME.fullmatch(checkpoint) else printable(PurePath(checkpoint).name, 80)


def _languages(scenario: Scenario, places: Iterable[int]) -> list[str]:
    found = [each for k in places for each in _languages_of(scenario.client_specs()[k])]
    return list(dict.fromkeys(each for each in found if LANGUAGE.fullmatch(each)))


def _languages_of(spec: ClientSpec) -> list[str]:
    if spec.lang:
        return spec.lang.split("-")
    known = DATASETS[spec.dataset].languages if spec.dataset in DATASETS else ()
    return list(known) if len(known) == 1 else []


def _about(results: Mapping[str, Any], strategy: str, bases: list[str], num_clients: int, adapters: bool) -> str:
    known = results["provenance"].get("checkpoints", {})
    kinds = " and ".join(dict.fromkeys(known[base]["class"] for base in bases if known.get(base, {}).get("class")))
    what = f"Adapters (LoRA) of a {kinds or 'model'}" if adapters else f"A {kinds or 'model'}"
    shown = " and ".join(f"`{_short(base)}`" for base in bases)
    if strategy.startswith(PARENT):
        how = "by one client alone, on its own texts; it is what the others are compared with"
    elif _is_pooled(results, strategy):
        how = "on the texts of all clients in one place, as a reference; this is no federated model"
    else:
        how = f"by {num_clients} clients together; each kept its texts, and sent what it had trained"
    ended = "" if results["provenance"].get("complete", True) else " The run was not over when this was written."
    return f"{what}, fine-tuned from the checkpoint {shown} {how}.{ended}"


def _is_pooled(results: Mapping[str, Any], strategy: str) -> bool:
    """Whether a model is the reference that all texts were brought together for."""
    return strategy == "centralised" and kind_of(strategy, base_names(results)) == "reference"


def _data(data: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> str:
    told = [(name, data[name]) for name in names if name in data]
    lines = [markdown_row(["client", "rows to train", "to validate", "to test"], plain=True)]
    lines += [markdown_row([":---", "---:", "---:", "---:"], plain=True)]
    splits = ("train", "validation", "test")
    lines += [markdown_row([name, *(_number(of.get(key)) for key in splits)]) for name, of in told[:MOST_CLIENTS]]
    if more := told[MOST_CLIENTS:]:
        sums = [_number(sum(of.get(key) or 0 for _, of in more)) for key in splits]
        lines.append(markdown_row([f"{len(more)} more clients", *sums]))
    return "\n".join(lines)


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "\u2013"


def _made(results: Mapping[str, Any], scenario: Scenario, strategy: str, seed: int) -> str:
    train, provenance = scenario.train, results["provenance"]
    rows = [row for row in results["rows"] if (row["strategy"], row["seed"]) == (strategy, seed)]
    reached = max((row["round"] for row in rows), default=0)
    spec = next((each for each in scenario.strategies if each.title == strategy), None)
    options = ", ".join(f"{key}: {value}" for key, value in (spec.options if spec else {}).items())
    lora = f", adapters of rank {train.lora.rank}" if train.lora else ""
    lines = [
        f"Strategy: {label_of(strategy, results)}{f' ({spec.name}; {options})' if spec and options else ''}",
        f"Rounds: {reached}{f' of {scenario.rounds}' if spec else ''}",
        f"Training: batch size {train.batch_size}, learning rate {train.lr:g}, epochs a round {train.epochs}{lora}",
        f"Seed: {seed}",
        f"Made by: fedot {provenance.get('fedot') or ''}, {str(provenance.get('started') or '')[:10]}",
    ]
    own = {**results, "plans": [each for each in results.get("plans", []) if _is(each, strategy, seed)]}
    for plan in plan_lines(own):
        stages = "; ".join(f"{name} ({options})" if options else name for name, options in plan.stages)
        lines.append(f"Plan of the fusion{f', {plan.when}' if plan.when else ''}: {stages}")
    return "\n".join(f"- {markdown_text(line)}" for line in lines)


def _is(record: Mapping[str, Any], strategy: str, seed: int) -> bool:
    return bool(record["strategy"] == strategy and record["seed"] == seed)


def _beside_references(results: Mapping[str, Any], strategy: str) -> dict[str, Any]:
    """The results of one strategy and of the references."""
    bases = base_names(results)

    def shown(record: Mapping[str, Any]) -> bool:
        return bool(record["strategy"] == strategy or kind_of(record["strategy"], bases) == "reference")

    own = {key: [each for each in results.get(key, []) if shown(each)] for key in ("rows", "failures")}
    return {**results, **own, "provenance": {**results["provenance"], "stand_in": False}}  # which is said before


def _classes(results: Mapping[str, Any]) -> int:
    return max((len(each.get("labels") or ()) for each in results["provenance"].get("data", {}).values()), default=0)


def _fedot_lines(adapters: bool) -> str:
    if adapters:
        return ADAPTERS_IN_FEDOT
    return 'model = fedot.read_model(".")\nmodel.predict(["Your own text."])'


def _privacy(scenario: Scenario, pooled: bool) -> str:
    if pooled:
        return "It was trained on the texts of all clients in one place, without differential privacy"
    if scenario.privacy is None:
        return "Clients kept their texts, but training was without differential privacy"
    told = f"epsilon {scenario.privacy.epsilon:g} and delta {scenario.privacy.delta:g} a round"
    return f"Clients kept their texts, and local differential privacy ({told}) bounds what their models tell"
