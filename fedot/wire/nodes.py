"""Which clients are connected."""

import time

from flwr.serverapp import Grid


def wait_for_nodes(grid: Grid, expected: int, seconds: float, pause: float = 0.5) -> list[int]:
    """Poll until `expected` nodes are connected or the time is up; return those that are there."""
    deadline = time.monotonic() + seconds
    while True:
        nodes = sorted(grid.get_node_ids())
        if len(nodes) >= expected or time.monotonic() >= deadline:
            return nodes
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
