"""The strategy lora-products: adapters are averaged by what they add to the weights (`fedot.fusion.merges`)."""

from collections.abc import Iterable
from dataclasses import replace

from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid

from fedot.errors import FedotError
from fedot.fusion.merges.adapter_products import average_products, cut_to_rank
from fedot.models import config_to_json
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.strategies.guard import Guarded, finite_arrays, with_model
from fedot.wire.boundary import emptied
from fedot.wire.messages import ClientUpdate
from fedot.wire.records import arrays_in, pack_state, unpack_state


class LoraProducts(Guarded):
    """Average low-rank adapters as the products that they are; the ranks of clients may differ.

    The global model's adapters have the rank of `rank`, or the highest of all clients where it is not given. Each
    client goes on from the best adapter of its own rank.

    Parameters
    ----------
    rank
        Of the global model's adapters; 0 for the highest of all clients.
    kwargs
        Of `FedAvg`.
    """

    equal_models = False

    def __init__(self, *, rank: int = 0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.rank = rank
        self._own: dict[int, PretrainedConfig] = {}

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Send each client an adapter of its own rank."""
        messages = list(super().configure_train(server_round, arrays, config, grid))
        if self.global_config is None:
            return messages
        return self._asking(server_round, [self._with_own_rank(message) for message in messages])

    def _with_own_rank(self, message: Message) -> Message:
        own, known = self._own.get(message.metadata.dst_node_id), self.global_config
        if own is None or not isinstance(known, PretrainedConfig):
            return message  # who was not there before starts at the checkpoint, or as the message says
        rank = min(own.lora_rank, known.lora_rank)
        state = unpack_state(arrays_in(message.content)[self.arrayrecord_key])
        sent = cut_to_rank(state, rank, _scale(known) / _scale(own))
        shape = replace(own, lora_rank=rank, lora_alpha=_scale(own) * rank)
        return with_model(message, pack_state(sent), config_to_json(shape))

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Average the usable replies.

        Raises
        ------
        FedotError
            If a client sends no adapters.
        """
        good = self.accept(server_round, emptied(replies))
        configs = [_adapters(update) for _, update in good]
        self._own |= {node: config for (node, _), config in zip(good, configs, strict=True)}
        highest = max(configs, key=lambda config: config.lora_rank)
        rank = self.rank or highest.lora_rank
        shape = replace(highest, lora_rank=rank, lora_alpha=_scale(highest) * rank)
        state = average_products(
            [dict(update.state) for _, update in good],
            [_scale(config) for config in configs],
            [float(update.num_examples) for _, update in good],
            rank,
            _scale(shape),
        )
        self.global_config = shape
        return finite_arrays(state), MetricRecord({"clients": len(good), "dropped": len(self.dropped)})


def _scale(config: PretrainedConfig) -> float:
    """What adapters are multiplied by."""
    return config.lora_alpha / config.lora_rank


def _adapters(update: ClientUpdate) -> PretrainedConfig:
    if isinstance(update.config, PretrainedConfig) and update.config.lora_rank:
        return update.config
    raise FedotError(
        f"lora-products averages adapters, and {update.client} trains whole models; set train.lora, or use fedavg"
    )
