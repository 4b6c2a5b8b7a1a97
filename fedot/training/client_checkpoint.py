"""The checkpoint that a client of a scenario fine-tunes: what the scenario says of it, and where it lies here."""

import os
from pathlib import Path

from tokenizers import Tokenizer

from fedot.errors import FedotError
from fedot.hf.checkpoint import Checkpoint, open_checkpoint, tokenizer_in
from fedot.hf.checkpoint_spec import CheckpointSpec
from fedot.hf.checkpoint_tokenizer import reference, referred
from fedot.models import Config, model_config
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.scenario import Scenario
from fedot.text.outside import printable

FOLDERS = "FEDOT_MODELS"
"""Names the folders in which checkpoints lie, divided as those of PATH."""


def checkpoint_spec(scenario: Scenario, partition_id: int) -> CheckpointSpec | None:
    """What a scenario says of a client's checkpoint; None where it trains a model of fedot's.

    Raises
    ------
    FedotError
        Naming the key that is wrong.
    """
    lora = scenario.train.lora
    settings = scenario.model_settings(partition_id)
    spec = CheckpointSpec.of(settings, lora.model_dump() if lora else None)
    if spec is None and lora is not None:
        raise FedotError("train.lora trains adapters of a checkpoint; name one, as in model: {pretrained: ./bert-tiny}")
    return spec


def spec_named(scenario: Scenario, name: str, first: int = 0) -> CheckpointSpec:
    """What a scenario says of the checkpoint that it calls so.

    Parameters
    ----------
    first
        The client who is looked at before all others, since ranks of adapters differ.

    Raises
    ------
    FedotError
        If the scenario names no such checkpoint.
    """
    for k in (first, *range(len(scenario.client_specs()))):
        found = checkpoint_spec(scenario, k)
        if found is not None and found.name == name:
            return found
    raise FedotError(f"the scenario names no checkpoint {printable(name, 80)}")


def tokenizer_here(scenario: Scenario, text: str) -> Tokenizer:
    """The tokenizer that a text is, or that of the checkpoint of the scenario which it stands for.

    Raises
    ------
    FedotError
        If it is none, or there is no such checkpoint here.
    """
    name = referred(text)
    if name is None:
        return tokenizer_in(text, (), scenario.task)
    return open_checkpoint(spec_named(scenario, name), model_folders(scenario.base_dir)).tokenizer(scenario.task)


def shared_checkpoint(scenario: Scenario) -> str | None:
    """Name of the checkpoint that all clients have; None where they have none, or several."""
    names = scenario.checkpoint_names()
    [name] = names if len(names) == 1 else [None]
    return name if isinstance(name, str) else None


def has_checkpoints(scenario: Scenario) -> bool:
    """Whether any client fine-tunes a checkpoint."""
    return any(name is not None for name in scenario.checkpoint_names())


def model_folders(base_dir: str | Path | None) -> tuple[Path, ...]:
    """Where checkpoints are looked for: beside the scenario, where that is here, then in the folders of `FOLDERS`."""
    named = [Path(each) for each in os.environ.get(FOLDERS, "").split(os.pathsep) if each]
    return tuple([Path(base_dir)] if base_dir else []) + tuple(named)


def checkpoint_of(scenario: Scenario, partition_id: int) -> Checkpoint | None:
    """The checkpoint of a client where all are on this machine; None of a model of fedot's.

    Raises
    ------
    FedotError
        If it cannot be fine-tuned.
    """
    spec = checkpoint_spec(scenario, partition_id)
    return None if spec is None else open_checkpoint(spec, model_folders(scenario.base_dir))


def config_here(
    scenario: Scenario, partition_id: int, vocab_size: int, n_class: int
) -> tuple[Config, Checkpoint | None]:
    """The configuration of a client's model with so many classes, and its checkpoint, if it has one.

    Parameters
    ----------
    vocab_size
        Of a model of fedot's.

    Raises
    ------
    FedotError
        If there can be no such model.
    """
    spec, found = checkpoint_spec(scenario, partition_id), checkpoint_of(scenario, partition_id)
    if spec is None or found is None:
        return model_config(scenario.model_settings(partition_id), vocab_size, n_class), None
    return found.config(spec, scenario.task, n_class), found


def own_tokenizer_text(config: Config) -> str | None:
    """What stands for the tokenizer of a checkpoint; None of another model."""
    return reference(config.checkpoint) if isinstance(config, PretrainedConfig) else None
