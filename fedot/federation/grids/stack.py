"""The grids of a seed, one upon the other."""

from pathlib import Path

from flwr.serverapp import Grid

from fedot.federation.grids.checkpointed import CheckpointedGrid
from fedot.federation.grids.metered import MeteredGrid
from fedot.federation.grids.streamed import StreamedGrid


def stacked(grid: Grid, *, streamed: bool, checkpoint: Path | None, half: bool) -> MeteredGrid:
    """Build the grids of one seed upon the one that carries its messages.

    Parameters
    ----------
    streamed
        Fetch replies one by one: for Flower's own grids, which would return all of them at once.
    checkpoint
        Folder in which the clients' answers are kept until the seed is finished; None keeps nothing.
    half
        Whether weights travel at half precision.
    """
    if streamed:
        grid = StreamedGrid(grid)
    if checkpoint is not None:
        grid = CheckpointedGrid(grid, checkpoint)
    return MeteredGrid(grid, half)
