"""Local training of one client, repeatable to the bit."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.models import Config, State, build_model, load_model, state_of
from fedot.models.batching import batch_indices
from fedot.models.optimisers import AdamW
from fedot.scenario import TrainSpec
from fedot.tasks import Examples
from fedot.training.logit_adjusted import Adjusted, smoothed_prior
from fedot.training.temperature import cooled, last_layer, temperature


@dataclass(frozen=True, slots=True)
class Epoch:
    """How an epoch went.

    Parameters
    ----------
    train_loss, validation_loss
        Mean losses in nats.
    seconds
        Its duration.

    Examples
    --------
    >>> Epoch(0.7, 0.6, 1.5).validation_loss
    0.6
    """

    train_loss: float
    validation_loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The state of the epoch that was kept, and how training went.

    Parameters
    ----------
    state
        Tensors of the best epoch, or of the last.
    num_examples
        How many examples were learnt from.
    token_counts
        How often each token occurs in the training texts, (V,).
    history
        All epochs.

    Examples
    --------
    >>> TrainResult({}, 10, torch.zeros(5), (Epoch(0.7, 0.6, 1.0), Epoch(0.5, 0.8, 1.0))).best.validation_loss
    0.6
    """

    state: State
    num_examples: int
    token_counts: Tensor
    history: tuple[Epoch, ...]

    @property
    def best(self) -> Epoch:
        """The epoch with the lowest validation loss."""
        return min(self.history, key=lambda epoch: epoch.validation_loss)

    def kept(self, spec: TrainSpec) -> Epoch:
        """The epoch whose tensors were kept."""
        return self.history[-1] if spec.keep == "last" else self.best

    @property
    def seconds(self) -> float:
        """Duration of training."""
        return sum(epoch.seconds for epoch in self.history)


def train(
    config: Config,
    state: State | None,
    training: Examples,
    validation: Examples,
    spec: TrainSpec,
    seed: int,
    device: str = "cpu",
    proximal_mu: float = 0.0,
    on_epoch: Callable[[int, Epoch], None] | None = None,
) -> TrainResult:
    """Train with AdamW, linear warm-up and decay, and keep the epoch with the best validation loss, or the last.

    The loss of a classifier rises beyond that epoch while it is right more often, since it grows too sure of itself
    (`spec.keep` "last"); `spec.calibrate` undoes that by one number (`fedot.training.temperature`).

    With `spec.loss` "logit-adjusted" the logarithm of how often the training texts have each class is added to the
    logits while training (Menon et al. 2021, arXiv:2007.07314, equation 10; among federated clients Zhang et al. 2022,
    arXiv:2209.00189). The model need not learn that frequency, and judges as if classes were equally frequent.

    Parameters
    ----------
    config
        The model's configuration.
    state
        Where to start; a fresh model drawn from `seed` when None.
    training, validation
        Examples of one task; the second decide which epoch is kept, and how sure a classifier is.
    spec
        Epochs, batch size, learning rate and the like.
    seed
        Of the order of examples, of dropout, and of a fresh model.
    device
        Where the model is trained.
    proximal_mu
        Strength of FedProx's pull to the starting point (Li et al. 2020, equation 2).
    on_epoch
        Called after each epoch, with its number from 1.

    Returns
    -------
    TrainResult

    Raises
    ------
    FedotError
        If the loss is no longer a finite number.

    Examples
    --------
    >>> from fedot.models import model_config
    >>> from fedot.tasks.classification import Labelled
    >>> from fedot.tokenizer import Encoded
    >>> config = model_config({"name": "encoder", "d_model": 8, "max_length": 4}, vocab_size=9, n_class=2)
    >>> rows = Labelled(Encoded([[5, 6], [7]] * 8, 0), np.array([0, 1] * 8))
    >>> result = train(config, None, rows, rows, TrainSpec(epochs=2), seed=0)
    >>> len(result.history), result.num_examples
    (2, 16)
    """
    with _deterministic(seed):
        model = (build_model(config, seed) if state is None else load_model(config, _copy(state))).to(device)
        start = [parameter.detach().clone() for parameter in model.parameters()] if proximal_mu else []
        optimiser = _optimiser(model, spec)
        scored, smoothing, offset = model, spec.label_smoothing, None
        if spec.loss == "logit-adjusted":
            prior, smoothing = smoothed_prior(training, config, smoothing)
            offset = prior.log().to(device)
            scored = Adjusted(model, offset)
        n_batch = math.ceil(len(training) / spec.batch_size)
        n_step = spec.epochs * math.ceil(n_batch / spec.accumulate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _warmup_then_decay(spec.warmup, n_step))
        order = np.random.default_rng(seed)
        history: list[Epoch] = []
        kept_state: State = {}
        for number in range(spec.epochs):
            began = time.perf_counter()
            model.train()
            total, predictions = 0.0, 0
            for step, rows in enumerate(batch_indices(training.lengths, spec.batch_size, order), start=1):
                with _precision(spec, device):
                    loss, count = training.loss(scored, rows, device, smoothing)
                total += _finite(float(loss.detach()), "training", number, spec) * count
                predictions += count
                for parameter, origin in zip(model.parameters(), start, strict=False):
                    loss = loss + 0.5 * proximal_mu * (parameter - origin).square().sum()
                (loss / spec.accumulate).backward()  # type: ignore[no-untyped-call]
                if step % spec.accumulate and step < n_batch:
                    continue
                nn.utils.clip_grad_norm_(model.parameters(), spec.clip)
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
                schedule.step()
            validation_loss = _finite(mean_loss(scored, validation, device), "validation", number, spec)
            epoch = Epoch(total / predictions, validation_loss, time.perf_counter() - began)
            history.append(epoch)
            if on_epoch:
                on_epoch(number, epoch)
            if spec.keep == "last":
                continue
            losses = [item.validation_loss for item in history]
            if losses[-1] == min(losses):
                kept_state = state_of(model)
            elif len(losses) - 1 - losses.index(min(losses)) >= spec.patience:
                break
        if spec.keep == "last":
            kept_state = state_of(model)
        if spec.calibrate and (last := last_layer(config)):
            kept = model if spec.keep == "last" else load_model(config, _copy(kept_state)).to(device)
            said = validation.said(kept.eval(), device)
            kept_state = cooled(kept_state, last, temperature(*said, offset)) if said else kept_state
    return TrainResult(kept_state, len(training), training.count_tokens(config.vocab_size), tuple(history))


@torch.inference_mode()
def mean_loss(model: nn.Module, data: Examples, device: str = "cpu", batch_size: int = 256) -> float:
    """Mean cross-entropy of a model on examples.

    Parameters
    ----------
    model
        A module that the examples can be given to.
    data
        Examples of one task.
    device, batch_size
        Where, and how many at a time, they are run.

    Returns
    -------
    float
        Nats a prediction.

    Examples
    --------
    >>> from fedot.models import model_config
    >>> from fedot.tasks.classification import Labelled
    >>> from fedot.tokenizer import Encoded
    >>> model = build_model(model_config({"name": "encoder", "max_length": 4}, vocab_size=9, n_class=2), seed=0)
    >>> 0 < mean_loss(model, Labelled(Encoded([[5, 6], [7]], 0), np.array([0, 1]))) < 2
    True
    """
    model.eval()
    total, predictions = 0.0, 0
    for rows in batch_indices(data.lengths, batch_size, None):
        loss, count = data.loss(model, rows, device)
        total += float(loss) * count
        predictions += count
    return total / predictions


def _precision(spec: TrainSpec, device: str) -> AbstractContextManager[object]:
    """Compute in half the bits where that is asked for, and safe; weights stay as they are."""
    if spec.precision == "float32":
        return nullcontext()
    return torch.autocast(device.partition(":")[0], dtype=torch.bfloat16)


def _finite(loss: float, what: str, number: int, spec: TrainSpec) -> float:
    if not math.isfinite(loss):
        raise FedotError(f"the {what} loss became {loss} in epoch {number + 1}; lower train.lr (it is {spec.lr})")
    return loss


def _copy(state: State) -> State:
    return {name: tensor.clone() for name, tensor in state.items()}


def _optimiser(model: nn.Module, spec: TrainSpec) -> torch.optim.Optimizer:
    """AdamW whose decay spares gains and biases."""
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim > 1]
    vectors = [p for p in trained if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": spec.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=spec.lr, betas=(0.9, 0.98), fused=True)


def _warmup_then_decay(warmup: float, total: int) -> Callable[[int], float]:
    ramp = max(1, round(warmup * total))
    return lambda step: min((step + 1) / ramp, max(0.0, (total - step) / max(1, total - ramp)))


@contextmanager
def _deterministic(seed: int) -> Iterator[None]:
    """Seed torch's global generator and use one thread, then put both back.

    The order in which threads add up floats changes the last bits, so a run on 2 and one on 16 cores differ
    unless the number of threads is fixed. Models of this size are fastest on one thread anyway.
    """
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
