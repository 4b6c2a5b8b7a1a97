"""The reference that a federation cannot have: one model trained on everybody's data."""

from functools import partial
from pathlib import Path

from tokenizers import Tokenizer

from fedot.data import load_clients
from fedot.models import Config, model_config
from fedot.scenario import Scenario
from fedot.tasks import examples_of, texts_of
from fedot.tokenizer import count_words, train_tokenizer
from fedot.training import Examples, TrainResult, train
from fedot.training.cache import kept, training_key


def train_centralised(
    scenario: Scenario, seed: int, data_dir: Path | None, tokenizer_json: str, device: str, cache: str = ""
) -> tuple[TrainResult, Config, str]:
    """Train the scenario's model on the union of all clients' training rows, for the epochs of all rounds together.

    Returns the result, the model's configuration and the tokenizer: the shared one, or where clients have
    their own, one trained on all text.
    """
    clients = load_clients(scenario, seed, data_dir)
    if not tokenizer_json:
        wanted = scenario.tokenizer
        words = count_words((text for client in clients for text in texts_of(client.train)), wanted.kind)
        tokenizer_json = train_tokenizer(words, wanted.kind, wanted.vocab_size, scenario.task).to_str()
    tokenizer = Tokenizer.from_str(tokenizer_json)
    config = model_config(scenario.model, tokenizer.get_vocab_size(), len(clients[0].labels))

    def pooled(split: str) -> Examples:
        return examples_of([getattr(client, split) for client in clients], tokenizer, config.max_length)

    rows = pooled("train"), pooled("validation")
    spec = scenario.train.model_copy(update={"epochs": scenario.train.epochs * scenario.rounds})
    task = partial(train, config, None, *rows, spec, seed=seed * 10_000 + 9_999, device=device)
    result = kept(cache, training_key(*task.args, **task.keywords), task)
    return result, config, tokenizer_json
