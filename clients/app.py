"""The ClientApp: each message goes to one function of `fedot.federation.client.handlers`."""

from collections.abc import Iterator
from functools import partial

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from fedot.federation.client import handlers as client
from fedot.federation.client.align_mod import align_mod
from fedot.federation.client.kept_rows import KeptRows
from fedot.federation.client.privacy_mod import privacy_mod
from fedot.federation.client.transfer_mod import transfer_mod
from fedot.terminal.logs import logs

app = ClientApp()
rows = KeptRows()


@app.lifespan()
def lifespan(context: Context) -> Iterator[None]:
    """Log who speaks."""
    with logs(run=context.run_id, node=int(context.node_config.get("partition-id", -1))):
        yield


@app.query("describe")
def describe(message: Message, context: Context) -> Message:
    """Say who this client is."""
    return client.private(partial(client.describe, rows))(message, context)


@app.train(mods=[transfer_mod, privacy_mod, align_mod])
def train(message: Message, context: Context) -> Message:
    """Train on this client's data; the mod aligns the result where a strategy says ``align: client``."""
    return client.private(partial(client.fit, rows))(message, context)


@app.evaluate(mods=[transfer_mod])
def evaluate(message: Message, context: Context) -> Message:
    """Evaluate models on this client's test split."""
    return client.private(partial(client.evaluate, rows))(message, context)
