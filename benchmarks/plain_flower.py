"""A plain Flower app with the model and the data of `benchmarks.many_clients`, as Flower's quickstarts are written.

    python -m benchmarks.plain_flower FOLDER --clients 10 --rounds 3

FOLDER is what `benchmarks.many_clients.corpus` writes. Clients train the same torch module on the same number of texts,
for as many epochs, in batches of the same size; FedAvg averages, and each client scores the mean on its own test texts.
Nothing of fedot is used but the module and the tokenizer.
"""

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import pyarrow.parquet as pq
import torch
import typer
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation
from tokenizers import Tokenizer
from torch import Tensor, nn

from benchmarks.many_clients import MODEL
from fedot.models import build_model, model_config
from fedot.models.batching import pad
from fedot.tokenizer import count_words, encode, train_tokenizer

EPOCHS, BATCH, RATE, VALIDATION = 4, 64, 1e-3, 0.1


@cache
def tokenizer_of(folder: str) -> Tokenizer:
    """The tokenizer that all share, trained once on the texts of all."""
    path = Path(folder) / "tokenizer.json"
    if not path.exists():
        texts = pq.read_table(Path(folder) / "imdb" / "train.parquet").column("text").to_pylist()
        path.write_text(train_tokenizer(count_words(texts), "wordpiece", 2000).to_str(), encoding="utf-8")
    return Tokenizer.from_file(str(path))


def rows_of(folder: str, split: str, client: int, count: int) -> tuple[list[list[int]], Tensor]:
    """Token ids and labels of a client's own rows."""
    table = pq.read_table(Path(folder) / "imdb" / f"{split}.parquet").slice(client * count, count)
    ids = encode(tokenizer_of(folder), table.column("text").to_pylist(), int(str(MODEL["max_length"]))).ids
    return ids, torch.tensor(table.column("label").to_pylist())


def module(folder: str) -> nn.Module:
    """A new model."""
    return build_model(model_config(dict(MODEL), tokenizer_of(folder).get_vocab_size(), 2), seed=0)


def client_app(folder: str, texts: int, tests: int) -> ClientApp:
    """Train and score."""
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        model = module(folder)
        model.load_state_dict(message.content.array_records["arrays"].to_torch_state_dict())
        ids, labels = rows_of(folder, "train", int(context.node_config["partition-id"]), texts)
        number = round(len(ids) * (1 - VALIDATION))
        optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
        model.train()
        for _ in range(EPOCHS):
            for part in torch.split(torch.randperm(number), BATCH):
                loss = nn.functional.cross_entropy(model(pad([ids[k] for k in part.tolist()])), labels[part])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
        metrics = MetricRecord({"num-examples": number})
        return Message(RecordDict({"arrays": ArrayRecord(model.state_dict()), "metrics": metrics}), reply_to=message)

    @app.evaluate()
    def evaluate(message: Message, context: Context) -> Message:
        model = module(folder).eval()
        model.load_state_dict(message.content.array_records["arrays"].to_torch_state_dict())
        ids, labels = rows_of(folder, "test", int(context.node_config["partition-id"]), tests)
        with torch.no_grad():
            right = float((model(pad(ids)).argmax(1) == labels).float().mean())
        metrics = MetricRecord({"num-examples": len(ids), "accuracy": right})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    return app


def server_app(folder: str, rounds: int, out: Path) -> ServerApp:
    """FedAvg, and a file with the accuracy of each round."""
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        del context
        start = ArrayRecord(module(folder).state_dict())
        result: Any = FedAvg().start(grid, start, num_rounds=rounds, train_config=ConfigRecord())
        scores = result.evaluate_metrics_clientapp
        out.write_text(json.dumps([float(scores[each]["accuracy"]) for each in sorted(scores)]), encoding="utf-8")

    return app


def main(
    folder: Annotated[Path, typer.Argument(help="With imdb/train.parquet and imdb/test.parquet.")],
    clients: Annotated[int, typer.Option(help="Number of clients.")] = 10,
    rounds: Annotated[int, typer.Option(help="Rounds of FedAvg.")] = 3,
    texts: Annotated[int, typer.Option(help="Training texts of a client.")] = 100,
    tests: Annotated[int, typer.Option(help="Test texts of a client.")] = 20,
    processors: Annotated[float, typer.Option(help="Processors that a client is given.")] = 1.0,
) -> None:
    """Run it on Ray."""
    torch.set_num_threads(1)
    tokenizer_of(str(folder))
    backend: Any = {"client_resources": {"num_cpus": processors, "num_gpus": 0.0}}
    run_simulation(
        server_app(str(folder), rounds, folder / "accuracy.json"),
        client_app(str(folder), texts, tests),
        num_supernodes=clients,
        backend_config=backend,
    )


if __name__ == "__main__":
    from benchmarks import plain_flower  # Ray's processes find what is in a module by the module's name

    typer.run(plain_flower.main)
