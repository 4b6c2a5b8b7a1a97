"""OT fusion in a Flower app of an author's own: any torch model whose symmetry is declared, and plain replies."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, FusionResult, fuse
from fedot.fusion.canonical.loadable import as_loaded, check_loadable
from fedot.fusion.refine.class_shares import ClassShares, shares_shift
from fedot.fusion.texts.draw import LONGEST
from fedot.models import State
from fedot.strategies.ot_fusion import FusedRound, OTFusion
from fedot.strategies.waiting import Waiting
from fedot.symmetry import Axis, SymmetrySpec
from fedot.wire.boundary import read_replies
from fedot.wire.messages import METRICS
from fedot.wire.nodes import wait_for_nodes
from fedot.wire.plain_replies import PlainReader, PlainUpdate
from fedot.wire.records import unpack_state
from fedot.wire.updates import Asked, check_tensor

Told = TypeVar("Told")


class OwnModelFusion(OTFusion):
    """What `OTFusion` is where it is given a `spec`.

    All clients start from the model that the server has, beginning with the initial arrays, and that model gives the
    basis. Where ``init`` is ``independent`` in the training configuration, clients start apart in the first round:
    then one of them gives the basis.

    Attributes
    ----------
    spec
        Symmetry of the clients' models.
    model
        A module of theirs, which class counts are used with.
    replies
        Of the latest round those that were used.
    """

    def __init__(
        self,
        *,
        spec: SymmetrySpec,
        fusion: FusionConfig | None = None,
        model: nn.Module | None = None,
        fraction_evaluate: float = 1.0,
        **kwargs: Any,
    ) -> None:
        check_loadable(spec)
        super().__init__(fusion=fusion, **kwargs)
        self.fraction_evaluate = fraction_evaluate
        self.spec, self.model = spec, copy.deepcopy(model)  # into which fused weights are loaded
        self.replies: tuple[PlainUpdate, ...] = ()
        self._apart = False
        self._start = State()
        self._carried = State()

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Send the arrays as they are.

        Raises
        ------
        FedotError
            If they do not fit the spec, or too few clients are connected at the deadline.
        """
        sent = unpack_state(arrays)
        self._start = {name: tensor.float() for name, tensor in sent.items() if tensor.is_floating_point()}
        self._carried = {name: tensor for name, tensor in sent.items() if name not in self._start}
        try:
            self.spec.validate(self._start)
        except FedotError as error:
            raise FedotError(f"the initial arrays are no model that the spec describes: {error}") from None
        self._sent, self._apart = arrays, server_round == 1 and config.get("init") == "independent"
        return super(OTFusion, self).configure_train(server_round, arrays, config, grid)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Fuse the usable replies, and drop the others by name.

        Returns
        -------
        arrays
            As those that were sent: names, order, shapes and types.
        metrics
            What all clients have sent, by `train_metrics_aggr_fn`, and the numbers of `clients` and `dropped`.

        Raises
        ------
        FedotError
            If too few are usable; it names who was dropped and why.
        """
        reader = PlainReader(
            {name: tuple(tensor.shape) for name, tensor in self._start.items()},
            frozenset(self._carried),
            self.weighted_by_key,
            {name: self.spec.groups[name].size for name in ("vocab", "class") if name in self.spec.groups},
        )
        waiting = Waiting()
        take: Callable[[PlainUpdate], PlainUpdate] = self._measured(waiting, waiting.keep)
        good, self.dropped = read_replies(waiting.first(replies), self._asked, reader.read, take)
        self.replies = updates = tuple(update for _, update in self._enough(server_round, good))
        result = self._fused(updates)
        anchor = updates[result.anchor].client if result.anchor < len(updates) else None
        self.latest = FusedRound((), anchor, result)
        return self._as_sent(result.state), self._metrics(updates)

    def _fused(self, updates: Sequence[PlainUpdate]) -> FusionResult:
        models: list[tuple[Mapping[str, Tensor], None]] = [(update.state, None) for update in updates]
        weights = [update.num_examples for update in updates]
        counts = told_by_all([update.token_counts for update in updates])
        losses = told_by_all([update.validation_loss for update in updates])
        anchor = max(range(len(updates)), key=lambda k: (weights[k], -k))
        if not self._apart and self.fusion.options.get("anchor", "global") == "global":
            # the server's model gives the basis, but has no vote
            models.append((self._start, None))
            weights.append(0.0)
            counts = counts and [*counts, torch.stack(counts).sum(0)]
            losses = losses and [*losses, math.inf]
            anchor = len(models) - 1
        result = fuse(
            models,
            spec=self.spec,
            weights=weights,
            token_counts=counts,
            anchor=anchor,
            validation_losses=losses,
            shared_start=not self._apart,
            config=self.fusion,
        )
        return replace(result, state=self._with_shares(as_loaded(result.state, self.spec), updates))

    def _with_shares(self, state: State, updates: Sequence[PlainUpdate]) -> State:
        """Set the classifier's constants by class counts, where all tell them and there is a module to run."""
        tokens = told_by_all([update.token_counts for update in updates])
        classes = told_by_all([update.class_counts for update in updates])
        wanted = self.fusion.options.get("class_shares", True)
        bias = next((name for name, axes in self.spec.axes.items() if axes == (Axis(("class",), "write"),)), None)
        if self.model is None or tokens is None or classes is None or bias is None or not wanted:
            return state
        position = self.spec.groups.get("position")
        self.model.load_state_dict({**self._carried, **state})
        shift = shares_shift(
            self.model.eval(), tokens, classes, ClassShares().probe_texts, position.size if position else LONGEST
        )
        return {**state, bias: state[bias] + shift.to(state[bias].dtype)}

    def _as_sent(self, state: State) -> ArrayRecord:
        """The fused model as arrays of the names, order and types that were sent; what is no float is as it was."""
        assert self._sent is not None
        out = {}
        for name, array in self._sent.items():
            if name in state:
                tensor = state[name].to(getattr(torch, array.dtype))
                check_tensor(f"the fused tensor {name}", tensor)
                array = Array(tensor.numpy())
            out[name] = array
        return ArrayRecord(out)

    def _metrics(self, updates: Sequence[PlainUpdate]) -> MetricRecord:
        keys = [key for key in updates[0].metrics if all(key in update.metrics for update in updates)]
        told = [RecordDict({METRICS: MetricRecord({key: update.metrics[key] for key in keys})}) for update in updates]
        together = self.train_metrics_aggr_fn(told, self.weighted_by_key)
        return MetricRecord({**together, "clients": len(updates), "dropped": len(self.dropped)})

    def _wait(self, server_round: int, grid: Grid) -> None:
        """Wait for as many clients as Flower would wait for, but only until the deadline."""
        needed = max(self.min_available_nodes, self.min_train_nodes)
        connected = wait_for_nodes(grid, needed, self.quorum.connect_seconds)
        if len(connected) < needed:
            raise FedotError(
                f"round {server_round}: {len(connected)} clients are connected after {self.quorum.connect_seconds:g} "
                f"seconds, and {needed} are needed; start more, or lower min_available_nodes and min_train_nodes"
            )

    def _starts_empty(self, server_round: int, config: ConfigRecord) -> bool:
        """No client draws a start of its own."""
        del server_round, config
        return False

    def _asks(self, server_round: int, message: Message) -> Asked:
        """Such a client says neither its name nor the round that it answers."""
        del server_round
        node = message.metadata.dst_node_id
        return Asked(self.quorum.name(node), node)


def told_by_all(values: Sequence[Told | None]) -> list[Told] | None:
    """What everybody tells; None where somebody keeps it."""
    told = [value for value in values if value is not None]
    return told if len(told) == len(values) else None
