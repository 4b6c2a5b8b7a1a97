"""Apps that do nothing but exchange arrays: what a round then takes is Flower's own (`benchmarks.superlink`)."""

import json
import time
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

server = ServerApp()
client = ClientApp()


@server.main()
def main(grid: Grid, context: Context) -> None:
    """Send arrays of a size to all nodes and wait for them to come back, and write down how long each round took."""
    told = context.run_config
    nodes, size = int(str(told["nodes"])), int(str(told["size"]))
    while len(ids := list(grid.get_node_ids())) < nodes:
        time.sleep(0.2)
    seconds = []
    for _ in range(int(str(told["rounds"]))):
        arrays = ArrayRecord({"x": Array(np.zeros(size, dtype=np.uint8))})
        messages = [Message(RecordDict({"arrays": arrays}), node, "train") for node in ids]
        began = time.perf_counter()
        replies = list(grid.send_and_receive(messages, timeout=3600))
        seconds.append(time.perf_counter() - began)
        if sum(not reply.has_error() for reply in replies) != nodes:
            raise RuntimeError(f"{len(replies)} of {nodes} nodes answered")
    Path(str(told["out"])).write_text(json.dumps(seconds), encoding="utf-8")


@client.train()
def train(message: Message, context: Context) -> Message:
    """Send back what came."""
    del context
    return Message(message.content, reply_to=message)
