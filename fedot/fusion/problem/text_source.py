"""Texts that models are measured on: the given probe, else texts drawn from token counts, the same for every stage."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.texts.draw import SHORTEST, draw_texts, drawn_probe, token_counts_by_class
from fedot.fusion.texts.draw_sources import LONGEST_SOURCE, source_counts, translated_probe
from fedot.fusion.texts.probe import Probe
from fedot.models import MODELS, State, load_model
from fedot.models.what_they_say import translates


@dataclass(frozen=True, slots=True)
class TextSource:
    """Gives texts for the models of a problem; what a model tells of its tokens is asked once.

    What was told is shared with the sources that come `of` this one.
    """

    problem: FusionProblem
    _told: dict[int, tuple[State, Tensor]] = field(default_factory=dict, repr=False, compare=False)

    def of(self, problem: FusionProblem) -> "TextSource":
        """Texts for the same models in another problem: with another anchor, or with their mean beside them."""
        return replace(self, problem=problem)

    def probe(self, number: int, seed: int = 0) -> Probe:
        """The given probe, else `number` texts drawn from every model's token counts in equal parts.

        Raises
        ------
        FedotError
            If there is neither a probe nor counts.
        """
        if self.problem.probe is not None:
            return self.problem.probe.told_apart()
        counted = self.problem.sources()
        if not counted:
            raise FedotError(
                "this method looks at activations; give it probe inputs, or token counts to draw texts from"
            )
        drawn = [self.drawn(k, max(1, number // len(counted)), seed + i) for i, k in enumerate(counted)]
        return Probe(tuple(batch for each in drawn for batch in each.batches), self.problem.build)

    def drawn(self, model: int, number: int, seed: int) -> Probe:
        """Texts drawn from the token counts of one model; a translator of ours also translates them."""
        problem = self.problem
        longest, counts = problem.longest[model], self.tokens_to_draw(model)
        architecture = getattr(problem.configs[model], "architecture", "")
        if translates(problem.configs[model]):
            sources = draw_texts(counts, number, (SHORTEST, min(longest, LONGEST_SOURCE)), seed)
            return translated_probe(problem.config_of(model), problem.states[model], sources)
        inputs = MODELS[architecture].inputs if architecture in MODELS else 1
        return replace(drawn_probe(counts, number, longest, seed, inputs), module=problem.build)

    def tokens_to_draw(self, model: int) -> Tensor:
        """Token counts of a model, (V,); what drawn texts are drawn from.

        Of a classifier of ours (1 + C, V): half of its texts have any tokens, half those that speak for one class. Of a
        translator the counts of sources. Both are told by the model.
        """
        state = self.problem.states[model]
        if model not in self._told or self._told[model][0] is not state:
            self._told[model] = state, self._ask(model)
        return self._told[model][1]

    def _ask(self, model: int) -> Tensor:
        problem = self.problem
        counts, state = problem.counts["vocab"][model], problem.states[model]
        architecture = getattr(problem.configs[model], "architecture", "")
        if translates(problem.configs[model]):
            return source_counts(problem.config_of(model), state, counts)
        if "class" not in problem.unions or architecture not in MODELS:
            return counts
        read = to_float32(state)
        module = load_model(problem.config_of(model), read) if problem.alike else problem.module(model, read)
        return torch.cat([counts[None], token_counts_by_class(module, counts)])
