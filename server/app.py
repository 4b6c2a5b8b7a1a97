"""The ServerApp: reads the run's settings, and leaves the rest to `fedot.federation.serve`."""

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from fedot.federation.serve import serve

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run a scenario over the grid."""
    serve(grid, context.run_config)
