"""The strategy ot-fusion: the server aligns the clients' models by optimal transport, or reduces all of them to one."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, FusionPlan, FusionResult, fuse
from fedot.fusion.ahead import Ahead
from fedot.fusion.canonical.labels import select_rows, unite
from fedot.fusion.reduce.tree import Row
from fedot.models import config_to_json, num_classes
from fedot.strategies.fedavg_class_shares import class_counts_of
from fedot.strategies.guard import Guarded, finite_arrays, with_model
from fedot.strategies.waiting import Waiting
from fedot.symmetry import SymmetrySpec
from fedot.terminal.stopwatch import timed
from fedot.tokenizer import read_tokenizer, vocabulary
from fedot.wire.messages import ClientUpdate
from fedot.wire.records import PackedState, pack_state, unpack_state


@dataclass(frozen=True, slots=True)
class FusedRound:
    """One round of fusion: who was in it, who is the anchor (None: the global model), and what came out.

    In an app of one's own (`OTFusion` with a `spec`) there are no updates of fedot's clients.
    """

    updates: tuple[ClientUpdate, ...]
    anchor: str | None
    result: FusionResult


class OTFusion(Guarded):
    """Replace FedAvg's mean by a fusion (`fedot.fusion.plan`): a reduction, or a mean in a common basis.

    In the first round of models that start apart, the client with the most examples is the anchor; from the second
    round on, and from a shared start, it is the global model; `fusion.anchor` may choose another. Clients may
    differ in width, heads and vocabulary. From the second round on all train the global model, each with the rows of
    its own tokens and of no others; a client that has not said which these are starts afresh. Where all clients tell
    how many examples of each class they have, the fused classifier gives the classes in these shares
    (`fedot.fusion.refine.class_shares`).

    With a `spec` it fuses a torch model of one's own in a Flower app of one's own. Clients then reply as to `FedAvg`:
    an ArrayRecord, with the names and shapes that they were sent, and a MetricRecord with ``num-examples``. Lists
    ``token-counts`` and ``class-counts`` among the metrics are used, too: the counts of rows of the neuron groups
    `vocab` and `class`. Initial arrays, rounds and all other arguments are those of `FedAvg`
    (`fedot.strategies.own_models`).

    Parameters
    ----------
    fusion
        Method and options of the fusion.
    spec
        Symmetry of the clients' models (`fedot.symmetry.SpecBuilder`); without it clients are fedot's own.
    model
        With a spec: a module of theirs that takes token ids (N, L), padded with 0, and gives logits (N, C). With it
        class counts are used, where all clients send them and token counts.
    kwargs
        Of `FedAvg`.

    Raises
    ------
    FedotError
        If the clients' module could not hold what a fusion of models with this spec gives.

    Attributes
    ----------
    fusion
        As given.
    latest
        The latest round's fusion, for reports; its `result.config` is the shape of the global model.

    Examples
    --------
    >>> OTFusion(fusion=FusionConfig(method="merged")).latest is None  # before the first round
    True
    >>> from fedot.symmetry import SpecBuilder
    >>> net = SpecBuilder()  # nn.Linear(4, 16) as "0", nn.ReLU(), nn.Linear(16, 3) as "2"
    >>> net.group("input", 4, "labels")
    >>> net.group("hidden", 16, "permutation")
    >>> net.group("class", 3, "labels")
    >>> net.linear("0", reads="input", writes="hidden")
    >>> net.linear("2", reads="hidden", writes="class")
    >>> OTFusion(spec=net.build(), min_available_nodes=3).min_available_nodes
    3
    """

    equal_models = False

    def __new__(cls, *, spec: SymmetrySpec | None = None, **_: object) -> "OTFusion":
        """Whose clients are not fedot's is asked, and answers, differently from the first message on."""
        from fedot.strategies.own_models import OwnModelFusion  # a kind of this class, so it can be named only here

        return super().__new__(cls if spec is None else OwnModelFusion)

    def __init__(
        self,
        *,
        fusion: FusionConfig | None = None,
        spec: SymmetrySpec | None = None,
        model: nn.Module | None = None,
        **kwargs: object,
    ) -> None:
        del spec, model  # for `OwnModelFusion`
        super().__init__(**kwargs)
        self.fusion = fusion or FusionConfig()
        self.latest: FusedRound | None = None
        self._sent: ArrayRecord | None = None
        self._together = False
        self._tokenizers: dict[int, str | None] = {}
        self._shared = ""

    def summary(self) -> None:
        """Log nothing beyond what `start` logs."""

    def plan_of_round(self) -> FusionPlan | None:
        """The plan of the latest round's fusion."""
        return None if self.latest is None else self.latest.result.plan

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Remember what is sent, where all clients start from it; and tell its shape."""
        self._together = self.latest is not None or config.get("init") == "shared"
        self._sent = arrays if self._together and arrays else None  # a checkpoint may be at the clients alone
        self._shared = str(config.get("tokenizer", ""))
        if self.latest is not None:
            config["model-config"] = config_to_json(self.latest.result.config)
        messages = list(super().configure_train(server_round, arrays, config, grid))
        if self.latest is None or self.latest.result.vocabulary is None:
            return messages
        own = [self._with_own_rows(message, self.latest.result) for message in messages]
        return self._asking(server_round, own)

    def _with_own_rows(self, message: Message, model: FusionResult) -> Message:
        """Send a client the embedding rows of its own tokens; other clients' tokens are none of its business."""
        tokenizer = self._tokenizers.get(message.metadata.dst_node_id)
        if not tokenizer:
            return with_model(message, pack_state({}), "")
        words = vocabulary(read_tokenizer(tokenizer))
        state, config = select_rows(model.state, model.config, model.vocabulary or (), words)
        return with_model(message, pack_state(state), config_to_json(config))

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Fuse the usable replies."""
        waiting, places = Waiting(), self._places()
        ahead = self._ahead() if places else None

        def keep(update: ClientUpdate) -> ClientUpdate:
            kept = waiting.keep(update)
            if ahead is not None:
                _add(ahead, places[waiting.node], kept)
            return kept

        good = self.accept(server_round, waiting.first(replies), self._measured(waiting, keep))
        if any(update.tokenizer for _, update in good):  # then whoever has the shared one goes by its tokens, too
            good = [(node, replace(update, tokenizer=update.tokenizer or self._shared)) for node, update in good]
        self._tokenizers |= {node: update.tokenizer for node, update in good}
        updates = [update for _, update in good]
        with timed("aligning"):
            row = None if ahead is None else ahead.row([places[node] for node, _ in good])
            fused = self._fuse(updates, row)
        arrays = finite_arrays(fused.result.state)
        # the same memory as what is sent, so that the model is there once
        self.latest = replace(fused, result=replace(fused.result, state=dict(PackedState(arrays))))
        return arrays, MetricRecord({"clients": len(updates), "dropped": len(self.dropped)})

    def _places(self) -> dict[int, int]:
        """The place of every node that was asked in the order of the clients; empty where that is not known."""
        partitions = {node: asked.partition_id for node, asked in self._asked.items()}
        if None in partitions.values():
            return {}
        return {node: place for place, node in enumerate(sorted(partitions, key=lambda node: partitions[node] or 0))}

    def _ahead(self) -> Ahead | None:
        """What reduces models while others are awaited; None where they are not reduced."""
        reduces = self.fusion.method in ("auto", "merged")
        return Ahead(len(self._asked), self.fusion, shared_start=self._together) if reduces else None

    def _fuse(self, updates: list[ClientUpdate], row: Row | None = None) -> FusedRound:
        sizes = {num_classes(update.config): update.client for update in updates}
        if len(sizes) > 1:
            told = ", ".join(f"{n} at {client}" for n, client in sizes.items())
            raise FedotError(f"ot-fusion needs the same classes at all clients, but their number is {told}")
        models = [(update.state, update.config) for update in updates]
        weights = [float(update.num_examples) for update in updates]
        counts = [update.token_counts for update in updates]
        words = [self.vocabulary_of(update) for update in updates]
        fusion, anchor = self.fusion, max(range(len(updates)), key=lambda k: (weights[k], -k))
        if self._sent is not None and fusion.options.get("anchor", "global") == "global":
            # the global model gives the basis, but has no vote
            shape = self.latest.result.config if self.latest is not None else updates[0].config
            known = self.latest.result.vocabulary if self.latest is not None else None
            models.append((unpack_state(self._sent), shape))
            weights.append(0.0)
            counts.append(_counts_together(known, words, counts))
            words.append(known)
            anchor = len(models) - 1
        classes = class_counts_of(updates)
        losses = [update.validation_loss for update in updates]
        result = fuse(
            models,
            weights=weights,
            token_counts=counts,
            class_counts=classes and [*classes, torch.zeros_like(classes[0])][: len(models)],
            vocabularies=None if any(word is None for word in words) else [word for word in words if word],
            anchor=anchor,
            validation_losses=[*losses, math.inf][: len(models)],
            shared_start=self._together,
            config=fusion,
            row=row,
        )
        name = updates[result.anchor].client if result.anchor < len(updates) else None
        return FusedRound(tuple(updates), name, result)

    def vocabulary_of(self, update: ClientUpdate) -> tuple[str, ...] | None:
        """Tokens of a client's own tokenizer; None where the tokenizer is shared and rows go by index."""
        return vocabulary(self.reader(update.tokenizer)) if update.tokenizer else None


def _add(ahead: Ahead, place: int, update: ClientUpdate) -> None:
    """Have a model reduced with others as soon as they are there."""
    if update.tokenizer:
        ahead.give_up()  # whose rows are those of all together is not known yet
        return
    weight = float(update.num_examples)
    with timed("aligning"):
        ahead.add(place, update.state, update.config, weight=weight, token_counts=update.token_counts)


def _counts_together(
    known: Sequence[str] | None, words: Sequence[Sequence[str] | None], counts: Sequence[Tensor]
) -> Tensor:
    """How often all clients together have seen each token that the global model knows."""
    if known is None:
        return torch.stack(list(counts)).sum(0)
    union = unite([known, *(each or () for each in words)])
    total = counts[0].new_zeros(len(union.labels))
    for index, count in zip(union.index[1:], counts, strict=True):
        total.index_add_(0, index, count)
    return total[: len(known)]
