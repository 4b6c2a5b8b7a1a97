"""A grid that knows only the nodes whose clients take part: nobody asks the others for anything."""

from collections.abc import Collection, Iterable

from flwr.serverapp import Grid

from fedot.federation.grids.passthrough import PassingGrid


class AdmittedGrid(PassingGrid):
    """Pass everything on to `grid`, and hide all nodes but some."""

    def __init__(self, grid: Grid, nodes: Collection[int]) -> None:
        super().__init__(grid)
        self._nodes = frozenset(nodes)

    def get_node_ids(self) -> Iterable[int]:
        """Ids of those of them that are connected."""
        return [node for node in self._grid.get_node_ids() if node in self._nodes]
