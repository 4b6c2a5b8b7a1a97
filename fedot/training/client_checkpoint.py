"""The checkpoint that a client of a scenario fine-tunes: what the scenario says of it, and where it lies here."""

import os
from collections.abc import Sequence
from pathlib import Path

from fedot.errors import FedotError
from fedot.hf.checkpoint import Checkpoint, open_checkpoint
from fedot.hf.checkpoint_spec import CheckpointSpec
from fedot.hf.checkpoint_tokenizer import reference
from fedot.models import Config, model_config
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.scenario import Scenario
from fedot.tokenizer import read_tokenizer

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


def shared_checkpoint(scenario: Scenario) -> str | None:
    """Name of the checkpoint that all clients have; None where they have none, or several."""
    names = scenario.checkpoint_names()
    [name] = names if len(names) == 1 else [None]
    return name if isinstance(name, str) else None


def has_checkpoints(scenario: Scenario) -> bool:
    """Whether any client fine-tunes a checkpoint."""
    return any("pretrained" in scenario.model_settings(k) for k in range(len(scenario.client_specs())))


def model_folders(base_dir: str | Path | None) -> tuple[Path, ...]:
    """Where checkpoints are looked for: beside the scenario, where that is here, then in the folders of `FOLDERS`."""
    named = [Path(each) for each in os.environ.get(FOLDERS, "").split(os.pathsep) if each]
    return tuple([Path(base_dir)] if base_dir else []) + tuple(named)


def config_here(
    scenario: Scenario, partition_id: int, tokenizer: str, n_class: int, folders: Sequence[Path]
) -> tuple[Config, Checkpoint | None]:
    """The configuration of a client's model with so many classes, and its checkpoint, if it has one.

    Parameters
    ----------
    tokenizer
        That of a model of fedot's.

    Raises
    ------
    FedotError
        If there can be no such model.
    """
    spec = checkpoint_spec(scenario, partition_id)
    if spec is None:
        size = read_tokenizer(tokenizer).get_vocab_size()
        return model_config(scenario.model_settings(partition_id), size, n_class), None
    found = open_checkpoint(spec, folders)
    return found.config(spec, scenario.task, n_class), found


def own_tokenizer_text(config: Config) -> str | None:
    """What stands for the tokenizer of a checkpoint; None of another model."""
    return reference(config.checkpoint) if isinstance(config, PretrainedConfig) else None
