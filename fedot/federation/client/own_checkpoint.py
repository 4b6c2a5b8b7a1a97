"""Checkpoints that a server may speak of: those of the scenario, as they lie here, and no others.

A deployed client looks for them in the folders that its own environment names, and asks the hub only for what whoever
runs it has agreed to. What a server says of a checkpoint's shape has to be what the checkpoint itself says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub.constants import HF_HUB_CACHE
from tokenizers import Tokenizer

from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationRequest
from fedot.federation.client.policy import Policy
from fedot.hf.checkpoint import Checkpoint, open_checkpoint, tokenizer_in
from fedot.hf.checkpoint_spec import CheckpointSpec
from fedot.hf.checkpoint_tokenizer import referred
from fedot.models import Config, State, config_to_json, model_config
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.scenario import Scenario
from fedot.text.outside import printable
from fedot.training.client_checkpoint import spec_named


@dataclass(frozen=True, slots=True)
class OwnCheckpoints:
    """The checkpoints of a client's scenario.

    Attributes
    ----------
    folders
        Where they are looked for.
    """

    scenario: Scenario
    partition_id: int
    policy: Policy
    folders: tuple[Path, ...]

    @property
    def name(self) -> str | None:
        """Name of the client's own; None where it trains a model of fedot's."""
        found = self.scenario.model_settings(self.partition_id).get("pretrained")
        return None if found is None else str(found)

    def opened(self, name: str) -> Checkpoint:
        """Open one as this client's policy allows.

        Raises
        ------
        FedotError
            If the scenario does not name it, or it does not lie where this client looks for it.
        """
        spec = self._spec(name)
        if self.policy.simulated:
            return open_checkpoint(spec, self.folders)
        with self._names_only():
            if spec.name in self.policy.checkpoints:
                return open_checkpoint(spec, ())
            for folder in self.folders:
                place = (folder / spec.name).resolve()
                if place.is_relative_to(folder.resolve()) and place.exists() and not Path(spec.name).is_absolute():
                    return open_checkpoint(spec, [folder])
        raise FedotError(
            f"the checkpoint {printable(spec.name, 80)} is in no folder that FEDOT_MODELS names at this client; "
            "whoever runs it can put it there, or agree to fetch it from the hub with checkpoints in its --node-config"
        )

    def config(self, tokenizer: Tokenizer, n_class: int) -> Config:
        """The configuration of the model that this client trains from the start."""
        if self.name is None:
            settings = self.scenario.model_settings(self.partition_id)
            return model_config(settings, tokenizer.get_vocab_size(), n_class)
        return self._config(self.name, n_class)

    def in_words(self) -> str:
        """JSON of that configuration before the number of classes is known; "" of a model of fedot's."""
        if self.name is None:
            return ""
        return config_to_json(self._config(self.name, 0))

    def notices(self) -> tuple[str, ...]:
        """Which commit of the hub its own was fetched at, to be told."""
        found = "" if self.name is None else self.opened(self.name).revision
        return (f"{self.name} is read from the hub, revision {found}",) if found else ()

    def check(self, config: Config) -> None:
        """Refuse a checkpoint's configuration that is not what the checkpoint here has.

        Raises
        ------
        FedotError
            If the scenario names no such checkpoint, it is not here, or its configuration is another one.
        """
        if not isinstance(config, PretrainedConfig):
            return
        own = self._config(config.checkpoint, config.n_class)
        if bool(own.lora_rank) == bool(config.lora_rank):  # ranks may differ from client to client
            own = replace(own, lora_rank=config.lora_rank, lora_alpha=config.lora_alpha)
        if own != config:
            raise FedotError(
                f"the checkpoint {printable(config.checkpoint, 80)} is another one here than the message says; give "
                "all clients the same files"
            )

    def start(self, config: Config, state: State | None, seed: int) -> State | None:
        """Where training starts: at a state that was sent, or else at the checkpoint, whose head is drawn by the seed.

        With adapters the weights below them are there, too.
        """
        if not isinstance(config, PretrainedConfig):
            return state
        checkpoint = self.opened(config.checkpoint)
        with self._names_only():
            return checkpoint.start(config, seed) if state is None else checkpoint.weights(config) | state

    def tokenizer(self, text: str) -> Tokenizer:
        """Read a tokenizer of a message, which may stand for that of a checkpoint of the scenario.

        Raises
        ------
        FedotError
            If it is none.
        """
        name, task = referred(text), self.scenario.task
        return tokenizer_in(text, (), task) if name is None else self.opened(name).tokenizer(task)

    def whole(self, request: EvaluationRequest) -> EvaluationRequest:
        """The same request, whose adapters have the checkpoint's weights beside them."""
        if not any(isinstance(config, PretrainedConfig) and config.lora_rank for config in request.configs):
            return request
        pairs = zip(request.states, request.configs, strict=True)
        return replace(request, states=tuple(self.start(config, dict(state), 0) or state for state, config in pairs))

    def _config(self, name: str, n_class: int) -> PretrainedConfig:
        found, spec = self.opened(name), self._spec(name)
        with self._names_only():
            return found.config(spec, self.scenario.task, n_class)

    @contextmanager
    def _names_only(self) -> Iterator[None]:
        """Have a deployed client tell what is wrong with a checkpoint, but not where it lies."""
        try:
            yield
        except FedotError as error:
            if self.policy.simulated:
                raise
            text = str(error)
            for folder in (*self.folders, Path(HF_HUB_CACHE)):
                for place in (folder.resolve(), folder):
                    text = text.replace(f"{place}/", "")
            raise FedotError(text) from None

    def _spec(self, name: str) -> CheckpointSpec:
        return spec_named(self.scenario, name, self.partition_id)
