"""A client: a network, its own share of scikit-learn's digits, and how it trains."""

import torch
import torch.nn.functional as F
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from sklearn.datasets import load_digits
from torch import nn

app = ClientApp()


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))


def rows(client: int, clients: int) -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images[client::clients] / 16).float(), torch.tensor(labels[client::clients])


@app.train()
def train(message: Message, context: Context) -> Message:
    net = network()
    net.load_state_dict(message.content["arrays"].to_torch_state_dict())
    images, labels = rows(context.node_config["partition-id"], context.node_config["num-partitions"])
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(message.content["config"]["steps"]):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    metrics = MetricRecord({"num-examples": len(images), "train-loss": loss.item()})
    return Message(RecordDict({"arrays": ArrayRecord(net.state_dict()), "metrics": metrics}), reply_to=message)
