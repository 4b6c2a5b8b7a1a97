"""Checkpoints where the server is: it may hold them, and start from them, or never have seen them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from fedot.errors import FedotError
from fedot.hf.checkpoint import Checkpoint, open_checkpoint
from fedot.hf.own_card import licence_of
from fedot.models import State, config_from_json
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.saved import SavedModel
from fedot.scenario import Scenario
from fedot.training.client_checkpoint import checkpoint_spec, model_folders, shared_checkpoint
from fedot.wire.messages import ClientDescription


def checkpoint_here(scenario: Scenario, partition_id: int) -> Checkpoint | None:
    """The checkpoint of a client, where it lies on this machine, too; None where it does not, or there is none."""
    spec = checkpoint_spec(scenario, partition_id)
    if spec is None:
        return None
    try:
        return open_checkpoint(spec, model_folders(scenario.base_dir), hub=False)
    except FedotError:
        return None


def other_checkpoints(scenario: Scenario, clients: Mapping[int, ClientDescription]) -> dict[int, str]:
    """Nodes whose checkpoint is another one than it is here, or, where it is not here, than most others have."""
    said = {node: config_from_json(client.model) for node, client in clients.items() if client.model}
    found = {node: config for node, config in said.items() if isinstance(config, PretrainedConfig)}
    odd: dict[int, str] = {}
    for name in dict.fromkeys(config.checkpoint for config in found.values()):
        same = {node: config for node, config in found.items() if config.checkpoint == name}
        plain = {node: _without_rank(config) for node, config in same.items()}
        wanted, _ = Counter(plain.values()).most_common(1)[0]
        first = min(clients[node].partition_id for node in same)
        here, spec = checkpoint_here(scenario, first), checkpoint_spec(scenario, first)
        if here is not None and spec is not None:
            wanted = _without_rank(here.config(spec, scenario.task, 0))
        for node, config in same.items():
            own = checkpoint_spec(scenario, clients[node].partition_id)
            ranked = own is not None and (config.lora_rank, config.lora_alpha) == (own.lora_rank, own.lora_alpha)
            if plain[node] != wanted or not ranked:
                odd[node] = f"{clients[node].client} has another checkpoint {name} than the others; give all the same"
    return odd


def checkpoint_facts(scenario: Scenario, client: ClientDescription) -> dict[str, dict[str, str]]:
    """What a record says of a client's checkpoint: its class, and its licence where its card lies here and says one."""
    config = config_from_json(client.model)
    if not isinstance(config, PretrainedConfig):
        return {}
    here = checkpoint_here(scenario, client.partition_id)
    return {config.checkpoint: {"class": config.class_name, "license": licence_of(here.folder) if here else ""}}


def start_here(scenario: Scenario, config: PretrainedConfig, seed: int) -> State:
    """Where all clients start that share a checkpoint, as far as it is trained; empty if it is not here."""
    here = checkpoint_here(scenario, 0)
    if here is None or shared_checkpoint(scenario) is None:
        return {}
    names = here.trained(config)
    return {name: tensor for name, tensor in here.start(config, seed).items() if name in names}


def _without_rank(config: PretrainedConfig) -> PretrainedConfig:
    return replace(config, lora_rank=min(config.lora_rank, 1), lora_alpha=0.0)


def checkpoint_named(scenario: Scenario, model: SavedModel) -> Checkpoint | None:
    """The checkpoint that a model was trained from, where it lies on this machine, too."""
    name = getattr(model.config, "checkpoint", "")
    clients = range(len(scenario.client_specs()))
    places = [k for k in clients if scenario.model_settings(k).get("pretrained") == name]
    return checkpoint_here(scenario, places[0]) if places else None
