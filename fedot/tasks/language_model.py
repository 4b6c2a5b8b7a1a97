"""Language modelling: which token comes next in a text.

Models with different vocabularies are compared by bits per byte: what a text costs, in bits, over its bytes in UTF-8.
So that a vocabulary without some letters is no advantage, an unknown token costs 8 bits more for each byte of what it
stands for. Of a text that is longer than the model reads, the bytes up to the end of the last scored token count; a
token that is some bytes of a character ends where that does.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.models import Config, State, load_model
from fedot.models.batching import batch_indices, count_tokens
from fedot.models.what_they_say import continues_text
from fedot.standin import StandIn
from fedot.standin.sentences import stand_in
from fedot.tasks.facts import TASK_FACTS
from fedot.tasks.task import Answering, Described, EvaluationRows, SingleTexts, Task, Usable, Wanted
from fedot.tasks.token_models import check_tokens, models_of
from fedot.tokenizer import SPECIAL, Encoded
from fedot.translation.pairs import read_and_said
from fedot.translation.special_tokens import LAST, NOTHING, special_in
from fedot.translation.translator import mixed

if TYPE_CHECKING:
    from datasets import Dataset

BITS_OF_A_BYTE = 8.0

MOST_TEXT = 2**24
"""Bytes of the longest text."""

LARGEST_EXPONENT = 345.0
"""The perplexity of a greater loss is as that of this one, which results can hold."""


@dataclass(frozen=True, slots=True)
class Sequences(SingleTexts):
    """Texts that begin with the first and, unless they were cut, end with the last of the `special_tokens`.

    Attributes
    ----------
    encoded
        At most one token more than the model reads, since the last is never read.
    num_bytes
        Bytes of what is scored of each text, (n,).
    unknown_bytes
        How many of them unknown tokens stand for, (n,).
    last
        Number of the token that ends a text.
    """

    num_bytes: NDArray[np.int64]
    unknown_bytes: NDArray[np.int64]
    last: int = LAST

    def batch(self, rows: NDArray[np.int64], device: str) -> tuple[Tensor, Tensor]:
        """What the model reads (B, T), and what comes next after each token (B, T), or `NOTHING`."""
        read, following = read_and_said([self.encoded.ids[i] for i in rows])
        return read.to(device), following.to(device)

    def loss(
        self, model: nn.Module, rows: NDArray[np.int64], device: str, smoothing: float = 0.0
    ) -> tuple[Tensor, int]:
        """Mean cross-entropy of the next token, the end of each text being one."""
        read, following = self.batch(rows, device)
        real = following != NOTHING
        return F.cross_entropy(model(read)[real], following[real], label_smoothing=smoothing), int(real.sum())

    def count_tokens(self, vocab_size: int) -> Tensor:
        """How often each token id occurs, beginnings and ends included."""
        return count_tokens(self.encoded.ids, vocab_size)

    def said(self, _: nn.Module, __: str) -> None:
        """Nothing: texts have no classes here."""

    def count_classes(self, _: int) -> None:
        """Nothing: texts have no classes here."""

    def made_wrong(self, _: int) -> Self:
        """Read every text from its end."""
        ends = [row[-1:] if row[-1] == self.last else [] for row in self.encoded.ids]
        ids = [
            [row[0], *reversed(row[1 : len(row) - len(end)]), *end]
            for row, end in zip(self.encoded.ids, ends, strict=True)
        ]
        return replace(self, encoded=replace(self.encoded, ids=ids))


@dataclass(frozen=True, slots=True)
class LanguageTally:
    """Sufficient statistics of next-token predictions.

    `nll_sum` is over `token_count` tokens, the end of each text included, of which `right_count` were the likeliest;
    they stand for `byte_count` bytes, of which `unknown_bytes` are in unknown tokens.
    """

    nll_sum: float
    token_count: int
    right_count: int
    byte_count: int
    unknown_bytes: int

    @property
    def count(self) -> int:
        """Number of predictions."""
        return self.token_count

    def __add__(self, other: "LanguageTally") -> "LanguageTally":
        return LanguageTally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def metrics(self) -> dict[str, float]:
        """Bits per byte, perplexity and loss per token, and the share of tokens that were the likeliest."""
        bits = self.nll_sum / math.log(2) + BITS_OF_A_BYTE * self.unknown_bytes
        nll = self.nll_sum / self.token_count
        return {
            "bits_per_byte": bits / self.byte_count,
            "perplexity": math.exp(min(nll, LARGEST_EXPONENT)),
            "token_accuracy": self.right_count / self.token_count,
            "nll": nll,
        }

    def to_record(self) -> dict[str, float | list[float]]:
        """Write the tally as plain numbers."""
        return {key: float(value) for key, value in zip(KEYS, astuple(self), strict=True)}


KEYS = tuple(each.name.replace("_", "-") for each in fields(LanguageTally))
"""Names of the sums on the wire."""


def encode_sequences(parts: Sequence["Dataset"], tokenizer: Tokenizer, max_length: int) -> Sequences:
    """Turn the texts of one or more data sets into token ids for a model that reads `max_length` of them.

    Raises
    ------
    FedotError
        If the tokenizer has no tokens that begin and end a text.
    """
    special = special_in(tokenizer)
    texts = [text for rows in parts for text in rows["text"][:]]
    ids, sizes, unknown, truncated = [], [], [], 0
    for text, found in zip(texts, tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
        row = [special.first, *found.ids, special.last]
        cut = len(row) > max_length + 1
        end = found.offsets[max_length - 1][1] if cut else len(text)
        read = zip(found.offsets[:max_length], found.ids, strict=False)
        spans = [place for place, token in read if token == special.unknown]
        ids.append(row[: max_length + 1])
        sizes.append(_bytes_of(text[:end]))
        unknown.append(sum(_bytes_of(text[start:stop]) for start, stop in spans))
        truncated += cut
    encoded = Encoded(ids, truncated)
    return Sequences(encoded, np.asarray(sizes, np.int64), np.asarray(unknown, np.int64), special.last)


def _bytes_of(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _module(config: Config, state: State, device: str) -> nn.Module:
    if not continues_text(config):
        raise FedotError(f"model.name is {config.architecture}, which continues no text; choose decoder")
    return load_model(config, state).to(device)


@torch.inference_mode()
def tally_next(
    modules: Sequence[nn.Module], shares: Sequence[float], texts: Sequences, device: str, batch_size: int = 64
) -> LanguageTally:
    """Score the next tokens of texts by a mixture of the models' probabilities; the shares sum to 1.

    Raises
    ------
    FedotError
        If the loss is no number, or there is no byte to score.
    """
    nll_sum, tokens, right = 0.0, 0, 0
    for rows in batch_indices(texts.lengths, batch_size, None):
        read, following = texts.batch(rows, device)
        real = following != NOTHING
        said = following[real]
        logs = mixed([torch.log_softmax(module(read)[real].double(), -1) for module in modules], shares)
        nll_sum -= float(logs.gather(1, said[:, None]).sum())
        right += int((logs.argmax(1) == said).sum())
        tokens += len(said)
    size = int(texts.num_bytes.sum())
    if not math.isfinite(nll_sum):
        raise FedotError("the loss of a text is not finite; does the model hold NaN or infinite weights?")
    if size < 1:
        raise FedotError("the test texts have not a single byte")
    return LanguageTally(nll_sum, tokens, right, size, int(texts.unknown_bytes.sum()))


def evaluate(request: EvaluationRequest, rows: EvaluationRows[Sequences]) -> list[LanguageTally]:
    """Reduce what models and mixtures say of the test texts to sums.

    Raises
    ------
    FedotError
        If distributions over different vocabularies are to be mixed.
    """
    tests = rows.read("test")

    def of_item(item: EvaluationItem) -> LanguageTally:
        first, models, shares = models_of(item, request, rows.tokenizers)
        return tally_next([_module(*each, rows.device) for each in models], shares, tests[first], rows.device)

    return [of_item(item) for item in request.items]


def read_tally(record: Mapping[str, object], _: EvaluationRequest) -> LanguageTally:
    """Read what `LanguageTally.to_record` wrote.

    Raises
    ------
    FedotError
        If it is of another task, or malformed.
    """
    if "byte-count" not in record:
        raise FedotError("its figures are of another task")
    try:
        nll_sum, *counts = (float(record[key]) for key in KEYS)  # type: ignore[arg-type]
        if any(count != int(count) for count in counts):
            raise ValueError("a count is no whole number")
        return LanguageTally(nll_sum, *map(int, counts))
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise FedotError(f"a client's evaluation cannot be read ({type(error).__name__})") from error


def check_tally(t: LanguageTally, described: Described, request: EvaluationRequest) -> None:
    """Refuse sums that cannot come from these rows: no figure made of them can be out of its range.

    Raises
    ------
    FedotError
        Saying which.
    """
    rows, longest = described.num_test, max(config.max_length for config in request.configs)
    check_tokens(t.token_count, t.nll_sum, rows, longest)
    if not 0 <= t.right_count <= t.token_count:
        raise FedotError(f"it tells of {t.right_count} right tokens of {t.token_count}")
    if not 1 <= t.byte_count <= rows * MOST_TEXT or not 0 <= t.unknown_bytes <= t.byte_count:
        raise FedotError(f"it tells of {t.byte_count} bytes in {rows} test texts, {t.unknown_bytes} of them unknown")


@torch.inference_mode()
def continue_text(module: nn.Module, tokenizer: Tokenizer, text: str, longest: int, how: Answering) -> str:
    """What a model says after a text, token by token, until it says that the text ends.

    Parameters
    ----------
    longest
        Most tokens that the model reads; of a longer text the last so many.

    Raises
    ------
    FedotError
        If the model comes to no numbers.
    """
    generator = torch.Generator().manual_seed(how.seed)
    special = special_in(tokenizer)
    ids = [special.first, *tokenizer.encode(text, add_special_tokens=False).ids]
    told = tokenizer.decode(ids[1:])
    for _ in range(how.num_tokens):
        logits = module(torch.tensor([ids[-longest:]]))[0, -1].double()
        if not bool(torch.isfinite(logits).all()):
            raise FedotError("the model comes to no words (NaN); its weights are broken, so train it again")
        logits[list(special.unsaid)] = -torch.inf
        odds = torch.softmax(logits / how.temperature, 0) if how.temperature > 0 else None
        following = int(logits.argmax() if odds is None else torch.multinomial(odds, 1, generator=generator))
        if following == special.last:
            break
        ids.append(following)
    return str(tokenizer.decode(ids[1:]))[len(told) :]


def answer(model: Usable, texts: Sequence[str], how: Answering) -> dict[str, list[Any]]:
    """The continuation of each text."""
    tokenizer, module = model.reader(), _module(model.config, model.state, "cpu")
    longest = model.config.max_length
    return {"continuation": [continue_text(module, tokenizer, text, longest, how) for text in texts]}


def write_stand_in(wanted: Wanted) -> StandIn:
    """The sentences of a classification, without their classes."""
    found = stand_in(wanted.name, wanted.lang or "en", wanted.classes)
    return StandIn({"text": found.train["text"]}, {"text": found.test["text"]}, found.notices)


LANGUAGE_MODEL = Task(
    facts=TASK_FACTS["language-model"],
    text_columns=("text",),
    special_tokens=SPECIAL,
    encode=encode_sequences,
    evaluate=evaluate,
    read_tally=read_tally,
    check_tally=check_tally,
    answer=answer,
    stand_in=write_stand_in,
    cut="and only their ends are read",
)
