"""The package `rebasin` as a fusion method: Git Re-Basin for the modules that its tracer understands.

`pip install rebasin`; nothing else in fedot needs it. It permutes what torchview sees of a module while that runs, and
does not check the outcome; here it is refused where the permuted model does not compute what it did.
"""

import importlib.util
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion import FusionPlan, FusionResult
from fedot.fusion.align.average import average_aligned
from fedot.fusion.canonical.labels import relabel
from fedot.fusion.methods.pairwise import check_equal_shapes
from fedot.fusion.problem.prepare import frame
from fedot.hf import HFModel, load_folder, probe_module
from fedot.models import State, blocks, load_model, state_of
from fedot.models.encoder import Encoder
from fedot.symmetry import SymmetrySpec

NAME = "rebasin, the package"
SWEEPS = 1  # where the package is exact no order depends on another one, so that one sweep finds the best
SECONDS = 7.0  # of processor time
EXACT = 1e-4  # of the largest logit; rounding is below 1e-6


def installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("rebasin") is not None


class Unpadded(nn.Module):
    """An encoder on texts without padding: a mask would be one more path to the tracer, on which no weight lies."""

    def __init__(self, model: Encoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor) -> Tensor:
        """Classify token ids (B, T), all of them real."""
        model = self.model
        x = blocks.embed(model.config, model.tok_emb, model.pos_emb, ids)
        for layer in model.layers:
            x = layer(x, None)
        out: Tensor = model.classifier(model.final_norm(x).mean(1))
        return out


def with_projections(model: Encoder) -> nn.Module:
    """Let the tracer see an encoder's projections: with a hook on them they are called one by one."""
    for module in model.modules():
        if isinstance(module, blocks.AttentionBlock):
            for part in (module.q_proj, module.k_proj, module.v_proj):
                part.register_forward_pre_hook(lambda *_: None)
    return Unpadded(model)


@dataclass(frozen=True, slots=True)
class Bridge:
    """How models come to the package and back.

    `build` makes a module of a configuration and a state, `trace` is what the tracer runs of it on `example(inputs)`.
    """

    build: Callable[[Any, State], nn.Module]
    trace: Callable[[Any], nn.Module]
    example: Callable[[Tensor], Any]
    read: Callable[[Any], State]


def _same(value: Any) -> Any:
    return value


def through_folder(model: Any) -> HFModel:
    """Save a model of the transformers library and load it as fedot does."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(Path(folder))
        return load_folder(folder)


def _read(module: Any) -> State:
    return through_folder(module.model).state


def _example(inputs: Tensor) -> dict[str, Tensor]:
    return {"pixel_values" if inputs.is_floating_point() else "input_ids": inputs}


AS_IS = Bridge(load_model, _same, _same, state_of)
UNPADDED = replace(AS_IS, trace=Unpadded)
PROJECTIONS = replace(AS_IS, trace=with_projections)
HF_MASKED = Bridge(probe_module, _same, _same, _read)
HF = Bridge(probe_module, lambda module: module.model, _example, _read)


@dataclass(frozen=True, slots=True)
class Trial:
    """What the package did to a model: the tensors that it moved, and by how much logits changed, at most.

    `largest` is the largest logit; `error` is empty where the package came to an end.
    """

    error: str
    moved: tuple[str, ...] = ()
    change: float = 0.0
    largest: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether the permuted model computes what it did."""
        return not self.error and self.change <= EXACT * self.largest


def permute(home: nn.Module, source: nn.Module, bridge: Bridge, inputs: Tensor) -> Trial:
    """Have the package permute `source`, in place, to fit `home`; compare its logits on `inputs`.

    Raises
    ------
    FedotError
        If the package is not installed.
    ValueError
        Outside the main thread, where there is no limit of time.
    """
    try:
        from rebasin import PermutationCoordinateDescent
    except ImportError as error:
        raise FedotError("this comparison needs the package rebasin: pip install rebasin") from error
    before = {name: tensor.clone() for name, tensor in source.state_dict().items()}
    with torch.no_grad():
        logits = source.eval()(inputs)
        with _time_limit(SECONDS):  # outside the `try`: that signals need the main thread is no fault of the package
            try:
                torch.manual_seed(0)  # it draws the order of its groups
                descent = PermutationCoordinateDescent(bridge.trace(home), bridge.trace(source), bridge.example(inputs))
                descent.rebasin(SWEEPS)
            except TimeoutError:
                return Trial(f"no end within {SECONDS:.0f} s of processor time")
            except Exception as error:  # whatever its own code, or the tracer's, stumbles over
                told = error.__cause__ or error  # the tracer wraps what a module raises
                first, _, _ = str(told).partition("\n")
                return Trial(f"{type(told).__name__}: {first}")
        source.eval()  # the tracer leaves what it ran in the mode of the outermost module, dropout on
        for parameter in source.parameters():
            parameter.data = parameter.data.contiguous()
        change = float((source(inputs) - logits).abs().max())
    moved = tuple(name for name, tensor in source.state_dict().items() if not torch.equal(tensor, before[name]))
    return Trial("", moved, change, float(logits.abs().max()))


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError

    old = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, old)


def fuse_package(
    models: Sequence[tuple[State, Any]],
    specs: Sequence[SymmetrySpec],
    bridge: Bridge,
    inputs: Tensor,
    *,
    weights: Sequence[float] | None = None,
    token_counts: Sequence[Tensor] | None = None,
    vocabularies: Sequence[Sequence[str]] | None = None,
    anchor: int = 0,
) -> FusionResult:
    """Have the package bring every model to the anchor, and average them; arguments are those of `fedot.fuse`.

    Models stay as they are, not in canonical form; labelled rows are averaged as for every other method.

    Raises
    ------
    FedotError
        If the package is not installed, or fails, or changes what a model computes.
    """
    states, configs = zip(*models, strict=True)
    problem = frame(
        configs, specs, weights=weights, token_counts=token_counts, vocabularies=vocabularies, anchor=anchor
    )
    check_equal_shapes(problem, "rebasin")
    config = configs[anchor]
    if vocabularies is not None:
        config = replace(config, vocab_size=len(problem.unions["vocab"].labels))
    united = [relabel(state, specs[k], problem.unions, k) for k, state in enumerate(states)]
    aligned = []
    for k, state in enumerate(united):
        if k == anchor:
            aligned.append(state)
            continue
        source = bridge.build(config, state)
        trial = permute(bridge.build(config, united[anchor]), source, bridge, inputs)
        if not trial.exact:
            raise FedotError(trial.error or f"its permutation changes logits by {trial.change:.2g}")
        aligned.append(bridge.read(source))
    rows = problem.row_shares(by_count=True)
    state = average_aligned(aligned, problem.weights, problem.specs[anchor], rows, circuits=False)
    single = {name: tensor.to(aligned[anchor][name].dtype) for name, tensor in state.items()}
    words = problem.unions["vocab"].labels if vocabularies is not None else None
    return FusionResult(single, config, words, tuple(aligned), config, (), (), anchor, FusionPlan("rebasin", ()))
