"""Random elements of a model's symmetry group."""

import torch

from fedot.fusion.canonical.maps import GroupMap, apply_maps


def randomise(state, seed, ties=()):
    """Give gains and biases values of their own, which a fresh model has not; tied tensors stay equal."""
    generator = torch.Generator().manual_seed(seed + 1000)
    out = {}
    for name, tensor in state.items():
        noise = torch.randn(tensor.shape, generator=generator)
        out[name] = tensor + (0.3 * noise if tensor.ndim == 1 else 0.1 * noise)
    return out | {copy: out[original].clone() for copy, original in ties}


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
        elif group.kind in ("linear", "rotary", "positive"):
            outer = spec.groups[group.within].size
            matrix = torch.eye(n, dtype=torch.float64) + 0.2 * normal(outer, outer, n, n)
            if group.kind == "rotary":  # each plane turned and scaled on its own
                a, b = normal(2, outer, outer, n // 2) + 0.5
                matrix = torch.diag_embed(torch.stack([a, a], -1).flatten(-2))
                even = torch.arange(0, n, 2)
                matrix[..., even, even + 1], matrix[..., even + 1, even] = -b, b
            elif n == 1:
                sign = normal(outer, outer, 1, 1).sign() if group.kind == "linear" else 1.0
                matrix = normal(outer, outer, 1, 1).mul(0.3).exp() * sign
            maps[name] = GroupMap(matrix, torch.linalg.inv(matrix).mT)
    return maps


def permuted(state, spec, *, stream, seed=4):
    """Reorder neurons and whole heads, with `stream` also the streams."""
    maps = {
        name: each
        for name, each in random_symmetry(spec, seed).items()
        if spec.groups[name].kind == "permutation" and (stream or not spec.is_stream(name))
    }
    for name, group in spec.groups.items():
        if stream and group.kind == "orthogonal":
            order = torch.eye(group.size, dtype=torch.float64)[
                torch.randperm(group.size, generator=torch.Generator().manual_seed(seed))
            ]
            maps[name] = GroupMap(order, order)
    return apply_maps(state, spec, maps)
