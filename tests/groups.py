"""Random elements of a model's symmetry group."""

import torch

from fedot.fusion.apply import GroupMap


def randomise(state, seed):
    """Give gains and biases values of their own, which a fresh model has not."""
    generator = torch.Generator().manual_seed(seed + 1000)
    out = {}
    for name, tensor in state.items():
        noise = torch.randn(tensor.shape, generator=generator)
        out[name] = tensor + (0.3 * noise if tensor.ndim == 1 else 0.1 * noise)
    return out


def random_symmetry(spec, seed):
    """Draw a map for every group that is not matched by labels."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    maps = {}
    for name, group in spec.groups.items():
        n = group.size
        if group.kind == "orthogonal":
            rotation = torch.linalg.qr(normal(n, n)).Q
            if spec.keeps_mean(name):  # turn the complement of the ones-vector only
                basis = torch.linalg.qr(torch.cat([torch.ones(n, 1, dtype=torch.float64), normal(n, n - 1)], 1)).Q
                inner = torch.block_diag(torch.ones(1, 1, dtype=torch.float64), torch.linalg.qr(normal(n - 1, n - 1)).Q)
                rotation = basis @ inner @ basis.T
            maps[name] = GroupMap(rotation, rotation)
        elif group.kind == "permutation":
            order = torch.eye(n, dtype=torch.float64)[torch.randperm(n, generator=generator)]
            maps[name] = GroupMap(order, order)
        elif group.kind == "linear":
            heads = spec.groups[group.within].size
            matrix = torch.eye(n, dtype=torch.float64) + 0.2 * normal(heads, heads, n, n)
            maps[name] = GroupMap(matrix, torch.linalg.inv(matrix).mT)
    return maps
