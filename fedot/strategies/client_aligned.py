"""Strategies whose clients align: they send models that are in one basis already (`fedot.federation.client.align_mod`).

In the first round nobody has a common basis yet, and a random reference would be no landmark for models that know
nothing of it. So one client's trained model becomes the anchor, in three exchanges: all train and tell how it
went; the chosen client sends its model; all others get it and send theirs, aligned to it. From the second round
on, and from a shared start, the global model that was sent is the anchor, and one exchange does.
"""

import json
import logging
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord, RecordDict
from flwr.serverapp import Grid
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, FusionPlan
from fedot.fusion.align.average import Average
from fedot.fusion.align.weighted_sums import ExactSum, mean_of_sum
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.plan import plan_without_models
from fedot.fusion.plan.basis import Basis
from fedot.fusion.problem.prepare import canonical_state
from fedot.fusion.refine.class_shares import ClassShares, match_shares
from fedot.models import Config, State, canonical_config, config_from_json, config_to_json, symmetry
from fedot.strategies.guard import Guarded, finite_arrays
from fedot.wire.boundary import emptied, read_held, read_replies, read_update
from fedot.wire.flower_private import forget_sent
from fedot.wire.messages import ALIGN, ARRAYS, CONFIG, ClientUpdate, Directive, HeldUpdate
from fedot.wire.records import pack_counts, pack_state, unpack_state
from fedot.wire.updates import Asked

log = logging.getLogger("fedot.strategy")


class ClientAligned(Guarded):
    """Mixin before any of the strategies: has clients align, and keeps the global model in canonical form.

    Attributes
    ----------
    plan
        What clients do; its basis chooses the client of the first round.
    anchor
        Name of the client whose model was the anchor in the first round; None for a shared start.

    Examples
    --------
    >>> from fedot.strategies import build_strategy
    >>> build_strategy("fedmedian", {"align": "client"}).plan.method
    'aligned'
    """

    plan: FusionPlan = plan_without_models(FusionConfig(method="aligned", circuits=False))
    anchor: str | None = None
    _apart: bool = False

    def _starts_empty(self, server_round: int, config: ConfigRecord) -> bool:
        """Where all start from one model that model is the anchor, and is sent, also to those who have it."""
        del config
        return server_round == 1 and self._apart

    def plan_of_round(self) -> FusionPlan | None:
        """What clients do; how the aligned models are brought together is the strategy's own, not an average."""
        return replace(self.plan, stages=tuple(each for each in self.plan.stages if not isinstance(each, Average)))

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Add to the messages of the strategy what to do with the trained model.

        Raises
        ------
        FedotError
            If no client can give an anchor in the first round.
        """
        self._apart = config.get("init") != "shared" or not arrays  # a checkpoint may be at the clients alone
        if server_round == 1 and self._apart:
            return self._find_anchor(server_round, config, grid)
        if server_round == 1:
            shape = config_from_json(str(config["model-config"]))
            self.expected = canonical_config(shape)
            if not self.summed:
                # the strategy's own arithmetic on differences to the sent model needs that model in canonical form
                state, shape = canonical_state(unpack_state(arrays), shape)
                arrays, config["model-config"] = pack_state(state), config_to_json(shape)
        else:
            config["model-config"] = config_to_json(self.accepted[0].config)
        messages = list(super().configure_train(server_round, arrays, config, grid))
        return self._with(messages, Directive("align", canonicalise=self.summed))

    def _find_anchor(self, server_round: int, config: ConfigRecord, grid: Grid) -> list[Message]:
        """Have all train, get one model, and ask all to align to it."""
        drawn = random.getstate()
        first = list(super().configure_train(server_round, pack_state({}), config, grid))
        replies = grid.send_and_receive(self._with(first, Directive("hold")), timeout=self.timeout)
        found, early = read_replies(replies, self._asked, read_held)
        held = dict(found)
        told = {message.metadata.dst_node_id: message for message in first}
        for node in self._preferred(held):
            [*reply] = grid.send_and_receive(self._with([told[node]], Directive("show")), timeout=self.timeout)
            good, bad = read_replies(reply, {node: self._shown(node)}, read_update)
            if good:
                break
            early += bad
            del held[node]
        else:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in early)
            raise FedotError(f"round {server_round}: no client sent a usable model to align to ({reasons})")
        [(_, shown)] = good
        self.anchor = shown.client
        log.info("the models are aligned to that of %s", self.anchor)
        random.setstate(drawn)  # so that the same clients are drawn again, now with the anchor as the global model
        forget_sent(self)
        anchor = pack_state(shown.state)
        second = super().configure_train(server_round, anchor, config, grid)
        self.expected, self.early = shown.config, early
        self._asked = {node: asked for node, asked in self._asked.items() if node in held}
        return self._with(
            [message for message in second if message.metadata.dst_node_id in held],
            Directive(
                "align",
                anchor=shown.partition_id,
                anchor_config=config_to_json(shown.config),
                anchor_counts=pack_counts(shown.token_counts),
            ),
            anchor,
        )

    def _shown(self, node: int) -> Asked:
        """What is known of the model that a client shows: it comes in canonical form, and whole."""
        asked = self._asked[node]
        known = asked.known
        shape = canonical_config(known.config(known.vocab_size)) if known and known.vocab_size else None
        return replace(asked, shape=shape, summed=False)

    def _preferred(self, held: Mapping[int, HeldUpdate]) -> list[int]:
        """Nodes in the order in which their models are wanted as the anchor."""

        def rank(node: int) -> tuple[float, int]:
            update = held[node]
            by_anchor = {"first": 0.0, "best": update.validation_loss}
            measure = by_anchor.get(self.plan.get(Basis).anchor, -update.num_examples)
            return measure, update.partition_id

        return sorted(held, key=rank)

    def _with(
        self, messages: Sequence[Message], directive: Directive, arrays: ArrayRecord | None = None
    ) -> list[Message]:
        """The same messages with a directive, and with other arrays if some are given."""
        record = replace(directive, fusion=json.dumps(self.plan.as_dict()), summed=self.summed).to_record()
        return [
            Message(
                RecordDict(
                    {ARRAYS: m.content[ARRAYS] if arrays is None else arrays, CONFIG: m.content[CONFIG], ALIGN: record}
                ),
                m.metadata.dst_node_id,
                MessageType.TRAIN,
            )
            for m in messages
        ]


class SummedFusion(ClientAligned):
    """OT fusion that needs sums only: of weights times models, counts times token rows, and of all counts."""

    summed = True
    comparable = False
    class_shares: ClassShares | None = ClassShares()
    _matches: bool = False

    def plan_of_round(self) -> FusionPlan | None:
        """What clients do, and what the server does with the sum."""
        matched = self.class_shares if self._matches else None
        return self.plan if matched is None else replace(self.plan, stages=(*self.plan.stages, matched))

    def summary(self) -> None:
        """Log nothing beyond what `start` logs."""

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Add up what the clients contribute, each as it comes in, and divide."""
        total = RunningTotal()
        updates = [update for _, update in self.accept(server_round, emptied(replies), total.take)]
        metrics = MetricRecord({"clients": len(updates), "dropped": len(self.dropped)})
        self._matches = total.tells_classes()
        return finite_arrays(total.mean(updates[0].config, self.plan, self.class_shares)), metrics


class RunningTotal:
    """What all clients have contributed so far: the same memory for any number of them."""

    def __init__(self) -> None:
        self._sums, self._counts, self._examples = ExactSum(), ExactSum(), 0
        self._classes: Tensor | None = torch.zeros(1, dtype=torch.int64)

    def take(self, update: ClientUpdate) -> ClientUpdate:
        """Add a client's contribution, and return the rest of what it sent."""
        self._sums.add(update.state)
        self._counts.add({"vocab": update.token_counts})
        self._examples += update.num_examples
        told = update.class_counts
        self._classes = None if told is None or self._classes is None else self._classes + told
        return replace(update, state={}, token_counts=torch.empty(0, dtype=torch.int64))

    def tells_classes(self) -> bool:
        """Whether all clients have told how many examples of each class they have, and somebody has counted tokens."""
        return self._classes is not None and bool(self._counts.of("vocab").any())

    def mean(self, shape: Config, plan: FusionPlan, class_shares: ClassShares | None) -> State:
        """Divide what is there by examples, token rows by counts, and match the classes' shares, as the plan says."""
        counts, spec, examples = self._counts.of("vocab"), symmetry(shape), float(self._examples)
        rows = counts if plan.get(Average).count_rows else None
        means = (mean_of_sum({name: self._sums.of(name)}, spec, examples, rows) for name in self._sums)
        state = {name: tensor for mean in means for name, tensor in to_float32(mean).items()}
        if self._classes is None or class_shares is None or not self.tells_classes():
            return state
        return match_shares(state, shape, [counts], [self._classes], class_shares.probe_texts)
