"""Which strategies go with what a scenario trains of checkpoints: told before hours of training."""

from collections.abc import Iterator, Sequence

from fedot.hf.checkpoint_spec import CheckpointSpec
from fedot.models.pretrained.pretrained_config import PretrainedConfig, symmetry_or_none
from fedot.strategies.client_aligned import ClientAligned
from fedot.strategies.guard import Guarded
from fedot.strategies.lora_products import LoraProducts
from fedot.strategies.ot_fusion import OTFusion


def strategy_fits(title: str, strategy: Guarded, specs: Sequence[CheckpointSpec | None]) -> Iterator[str]:
    """What is wrong with a strategy for what clients train, of whose checkpoints only the scenario is known."""
    adapters = {(spec.lora_rank, spec.lora_alpha) for spec in specs if spec is not None and spec.lora_rank}
    whole = any(spec is None or not spec.lora_rank for spec in specs)
    if isinstance(strategy, LoraProducts):
        if whole:
            yield f"strategies: {title} averages adapters, which not all clients train; set train.lora, or use fedavg"
    elif adapters and isinstance(strategy, OTFusion | ClientAligned):
        yield (
            f"strategies: {title} aligns neurons, and adapters (train.lora) have none; use lora-products, or leave out "
            "train.lora"
        )
    elif adapters and strategy.equal_models and (whole or len(adapters) > 1):
        yield f"strategies: {title} needs equal models, and the ranks of adapters differ; use lora-products"


def checkpoint_fits(title: str, strategy: Guarded, config: PretrainedConfig) -> Iterator[str]:
    """What is wrong with a strategy for a checkpoint that lies here."""
    if isinstance(strategy, OTFusion | ClientAligned) and not config.lora_rank and symmetry_or_none(config) is None:
        yield (
            f"strategies: {title} aligns neurons, and {config.class_name} ({config.checkpoint}) is of no family whose "
            "symmetry fedot knows; use fedavg or another strategy that averages"
        )
