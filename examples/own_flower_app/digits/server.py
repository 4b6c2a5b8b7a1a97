"""The server: what is symmetric in the network, and the strategy that uses it."""

from flwr.app import ArrayRecord, ConfigRecord, Context
from flwr.serverapp import Grid, ServerApp
from safetensors.torch import save_file

from digits.client import network
from fedot.strategies import OTFusion
from fedot.symmetry import SpecBuilder

app = ServerApp()
spec = SpecBuilder()
spec.group("pixel", 64, "labels")
spec.group("hidden", 48, "permutation")
spec.group("class", 10, "labels")
spec.linear("0", reads="pixel", writes="hidden")
spec.linear("2", reads="hidden", writes="class")


@app.main()
def main(grid: Grid, context: Context) -> None:
    rounds, steps, out = (context.run_config[key] for key in ("rounds", "steps", "out"))
    strategy, start = OTFusion(spec=spec.build(), fraction_evaluate=0.0), ArrayRecord(network().state_dict())
    result = strategy.start(grid, start, rounds, train_config=ConfigRecord({"steps": steps}))
    save_file(result.arrays.to_torch_state_dict(), out)
