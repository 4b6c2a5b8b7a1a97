"""What every fusion method starts from: checked, canonical models with one set of labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.align import masses as neuron_masses
from fedot.fusion.align import supports as neuron_supports
from fedot.fusion.align.activations import Evidence, matched_groups, measure
from fedot.fusion.align.streams import streams_of
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.canonical.labels import LabelUnion, row_shares
from fedot.fusion.config import FusionConfig
from fedot.fusion.texts.draw import SHORTEST, draw_texts, drawn_probe, token_counts_by_class
from fedot.fusion.texts.draw_sources import LONGEST_SOURCE, source_counts, translated_probe
from fedot.fusion.texts.probe import Probe
from fedot.models import LABEL_SIZES, MODELS, State, canonical_config, load_model
from fedot.symmetry import SymmetrySpec


@dataclass(frozen=True, slots=True)
class FusionProblem:
    """Models to fuse, in a form that all methods share.

    Attributes
    ----------
    states
        Canonical states in float64 whose labelled rows are those of `unions`.
    specs, configs
        Symmetry and configuration of each; the specs have the sizes of `states`, the configs those of the models
        as they were given.
    weights
        Share of each model, summing to 1.
    anchor
        Index of the model whose neurons, widths and heads the result has.
    unions
        Rows of every group of labels (tokens, positions, classes).
    counts
        How often each model has seen each token of the union, (K, rows), for each group of tokens; empty where
        nobody has counted.
    probe
        Inputs for methods that look at activations, token ids being rows of the union; None where the caller gave
        none, then `probe_or_drawn` draws texts from the counts.
    masses
        The user's own neuron masses of each model by neuron group; empty where none were given.
    class_counts
        How many examples of each class each model has learnt from, (K, C); None where one has not told.
    longest
        Tokens of the longest text on which models are measured, of those that are drawn for each model
        (`fedot.fusion.texts.draw.text_lengths`); empty where nobody has counted.
    """

    states: tuple[State, ...]
    specs: tuple[SymmetrySpec, ...]
    configs: tuple[Any, ...]
    weights: tuple[float, ...]
    anchor: int
    unions: Mapping[str, LabelUnion]
    counts: Mapping[str, Tensor]
    probe: Probe | None = None
    masses: tuple[Mapping[str, Tensor], ...] = ()
    longest: tuple[int, ...] = ()
    class_counts: Tensor | None = None
    _asked: dict[int, tuple[State, Tensor]] = field(default_factory=dict, repr=False, compare=False)

    def probe_or_drawn(self, number: int, seed: int = 0) -> Probe:
        """The given probe, else texts drawn from every model's token counts in equal numbers.

        Raises
        ------
        FedotError
            If there is neither a probe nor counts.
        """
        if self.probe is not None:
            return self.probe.told_apart()
        counted = self.sources()
        if not counted:
            raise FedotError(
                "this method looks at activations; give it probe inputs, or token counts to draw texts from"
            )
        drawn = [self.drawn(k, max(1, number // len(counted)), seed + i) for i, k in enumerate(counted)]
        return Probe(tuple(batch for each in drawn for batch in each.batches))

    def counted(self) -> list[int]:
        """Models whose token counts are known: a private client sends zeros."""
        return [k for k, count in enumerate(self.counts.get("vocab", ())) if bool(count.any())]

    def voters(self) -> list[int]:
        """Models that are averaged; one of weight 0 gives its basis at most."""
        return [k for k, weight in enumerate(self.weights) if weight > 0]

    def sources(self) -> list[int]:
        """Models whose texts are drawn for all: of those that have counted their tokens the ones that have a vote."""
        counted = self.counted()
        return [k for k in counted if self.weights[k] > 0] or counted

    def drawn(self, model: int, number: int, seed: int) -> Probe:
        """Texts drawn from the token counts of one model; a translator of ours also translates them."""
        longest, counts = self.longest[model], self.tokens_to_draw(model)
        architecture = getattr(self.configs[model], "architecture", "")
        if architecture == "seq2seq":
            sources = draw_texts(counts, number, (SHORTEST, min(longest, LONGEST_SOURCE)), seed)
            return translated_probe(self.config_of(model), self.states[model], sources)
        return drawn_probe(counts, number, longest, seed, MODELS[architecture].inputs if architecture in MODELS else 1)

    def tokens_to_draw(self, model: int) -> Tensor:
        """Token counts of a model, (V,); what drawn texts are drawn from.

        Of a classifier of ours (1 + C, V): half of its texts have any tokens, half those that speak for one class. Of a
        translator the counts of sources. Both are told by the model, which is asked once, however many texts are drawn.
        """
        state = self.states[model]
        if model not in self._asked or self._asked[model][0] is not state:
            self._asked[model] = state, self._ask(model)
        return self._asked[model][1]

    def _ask(self, model: int) -> Tensor:
        counts = self.counts["vocab"][model]
        architecture = getattr(self.configs[model], "architecture", "")
        if architecture == "seq2seq":
            return source_counts(self.config_of(model), self.states[model], counts)
        if "class" not in self.unions or architecture not in MODELS:
            return counts
        module = load_model(self.config_of(model), to_float32(self.states[model]))
        return torch.cat([counts[None], token_counts_by_class(module, counts)])

    def config_of(self, model: int) -> Any:
        """A model's canonical configuration with the union's labels; a foreign configuration stays as it is."""
        config = self.configs[model]
        if getattr(config, "architecture", None) not in MODELS:
            return config
        rows: dict[str, Any] = {LABEL_SIZES[name]: len(union.labels) for name, union in self.unions.items()}
        return replace(canonical_config(config), **rows)

    def evidence(self, model: int, config: FusionConfig) -> Evidence:
        """What the chosen mass and support need to know of a model's neurons beyond its weights.

        Raises
        ------
        FedotError
            If they need a probe or counts, and there are none.
        """
        if config.mass == "given" and not self.masses:
            raise FedotError("the mass is `given`, but no masses were; pass `masses` to fuse, or choose another mass")
        spec, groups = self.specs[model], matched_groups(self.specs[model])
        activations: dict[str, Tensor] = {}
        gradients: dict[str, Tensor] = {}
        own: dict[str, Tensor] = {}
        if config.support in neuron_supports.ON_PROBE or config.mass in neuron_masses.ON_PROBE:
            probe = self.probe_or_drawn(config.probe_texts)
            module = probe.module(self.config_of(model), self.states[model])
            activations, gradients = measure(module, probe, spec, groups)
        if config.mass == "token-count":
            if model not in self.counted():
                raise FedotError(f"the mass token-count needs token counts, but model {model} has none")
            texts = self.drawn(model, 128, 0)
            own, _ = measure(texts.module(self.config_of(model), self.states[model]), texts, spec, groups)
        return Evidence(activations, gradients, own, self.masses[model] if self.masses else {})

    def trust(self, source: int, config: FusionConfig) -> dict[str, Tensor]:
        """How far each label is common ground of a model and the anchor, (rows,): 0 where one lacks it.

        Positions count where the option says so, and where all other rows are too few to fix the widest stream.
        """
        spec, out = self.specs[self.anchor], {}
        rows = sum(len(union.labels) for name, union in self.unions.items() if name != "position")
        few = rows < max((spec.groups[name].size for name in streams_of(spec)), default=0)
        for name, union in self.unions.items():
            common = union.present(source) * union.present(self.anchor)
            used = {"class": config.class_rows, "position": config.position_rows or few}.get(name, True)
            out[name] = common if used else torch.zeros_like(common)
            if name in self.counts:
                least = torch.minimum(self.counts[name][source], self.counts[name][self.anchor])
                if bool(least.any()):
                    out[name] = common * least**config.token_power
        return out

    def row_shares(self, *, by_count: bool) -> dict[str, Tensor]:
        """Share of every model in every labelled row, (K, rows), columns summing to 1; by counts where given."""
        return {
            name: row_shares(union, self.weights, self.counts.get(name) if by_count else None)
            for name, union in self.unions.items()
        }
