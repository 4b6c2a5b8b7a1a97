"""Two networks of one's own, trained apart, become one: say what is symmetric in them, and fuse."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

import fedot
from fedot.symmetry import SpecBuilder

digits = load_digits()
images, labels = torch.tensor(digits.data / 16).float(), torch.tensor(digits.target)
first, second, test = slice(0, 1200, 2), slice(1, 1200, 2), slice(1200, None)


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def trained(net: nn.Module, rows: slice) -> nn.Module:
    optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
    for _ in range(150):
        loss = F.cross_entropy(net(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


def accuracy(net: nn.Module) -> float:
    return float((net(images[test]).argmax(1) == labels[test]).float().mean())


spec = SpecBuilder()
spec.group("pixel", 64, "labels")  # labels stay where they are
spec.group("digit", 10, "labels")
for layer in ("first", "second"):
    spec.group(layer, 64, "permutation")  # neurons may come in any order
    spec.group(f"{layer}-scale", 1, "positive", within=layer)  # and behind a ReLU at any scale
spec.linear("0", reads="pixel", writes="first first-scale")
spec.linear("2", reads="first first-scale", writes="second second-scale")
spec.linear("4", reads="second second-scale", writes="digit")

parents = [trained(network(0), first), trained(network(1), second)]
fused, averaged = network(0), network(0)
fused.load_state_dict(fedot.fuse(parents, spec=spec.build(), weights=[600, 600]).state)
states = [parent.state_dict() for parent in parents]
averaged.load_state_dict({name: (states[0][name] + states[1][name]) / 2 for name in states[0]})

print("parents ", *(f"{accuracy(parent):.3f}" for parent in parents))
print("average ", f"{accuracy(averaged):.3f}")
print("fused   ", f"{accuracy(fused):.3f}")
