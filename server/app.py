"""The ServerApp: reads the run's settings, and leaves the rest to `fedot.federation.experiment.serve`."""

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from fedot.federation.experiment.serve import serve
from fedot.terminal.logs import logs

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run a scenario over the grid."""
    with logs(run=context.run_id):
        serve(grid, context.run_config)
