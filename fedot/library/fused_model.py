"""A fused model that can be used and saved: the result of `fedot.fuse`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from fedot.errors import FedotError
from fedot.from_disk.metadata import model_metadata
from fedot.fusion import FusionResult
from fedot.models import MODELS
from fedot.saved import SavedModel, write_model

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class FusedModel(FusionResult):
    """What `FusionResult` says of a fusion, with what it takes to use the fused model.

    Attributes
    ----------
    tokenizer
        JSON of a `tokenizers.Tokenizer`, where all models have the same.
    token_counts, class_counts
        How often all models together have seen each token, (V,), and how many examples of each class, (C,); None where
        one of them has not counted.
    classes
        Their names, by number.

    Examples
    --------
    >>> import fedot
    >>> from fedot.models import build_model, model_config
    >>> config = model_config({"name": "encoder", "d_model": 16}, vocab_size=50, n_class=2)
    >>> fused = fedot.fuse([build_model(config, seed) for seed in (0, 1)])
    >>> fused.model
    SavedModel(encoder, 2 layers of width 16, 50 tokens, 2 classes, 22,066 weights)
    """

    tokenizer: str | None = None
    token_counts: Tensor | None = None
    classes: tuple[str, ...] = ()
    class_counts: Tensor | None = None

    @classmethod
    def of(cls, result: FusionResult, **known: Any) -> "FusedModel":
        """Add to a fusion what is known of its models."""
        return cls(**{each.name: getattr(result, each.name) for each in fields(FusionResult)}, **known)

    @property
    def model(self) -> SavedModel:
        """The fused model by itself.

        Raises
        ------
        FedotError
            If it is of no architecture of fedot's.
        """
        if getattr(self.config, "architecture", None) not in MODELS:
            raise FedotError(
                "a model of an architecture of your own is neither saved nor run by fedot; load `state` into your "
                "module, or save it with safetensors.torch.save_file"
            )
        return SavedModel(
            self.config,
            self.state,
            self.tokenizer,
            None if self.tokenizer else self.vocabulary,
            self.token_counts,
            self.classes,
            self.class_counts,
        )

    def predict(self, texts: str | Sequence[str | None], **how: Any) -> "pd.DataFrame":
        """Say what the fused model makes of texts, a row each (`SavedModel.predict`).

        Raises
        ------
        FedotError
            If it has no tokenizer, since its models have one each, or nobody has given one; then
            ``fused.model.with_tokenizer(...)`` takes one.
        """
        return self.model.predict(texts, **how)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write what ``fedot fuse`` writes: a .safetensors file that `fedot.read_model` and ``fedot predict`` read.

        Raises
        ------
        FedotError
            If there is such a file and it may not be overwritten, or it cannot be written.
        """
        model = self.model
        metadata = model_metadata(
            model.config,
            tokenizer=self.tokenizer,
            vocabulary=self.vocabulary,
            token_counts=self.token_counts,
            classes=self.classes,
            class_counts=self.class_counts,
            plan=self.plan,
        )
        return write_model(path, model.state, metadata, overwrite=overwrite)
