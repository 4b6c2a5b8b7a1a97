"""Options of a command that make a run of the quickstart as short as it can be."""

SMALL = (
    *("--set", "clients.0.examples=60", "--set", "clients.1.examples=60", "--set", "strategies=[fedavg]"),
    *("--seeds", "0", "--set", "train.epochs=1", "--set", "references=[parents]", "--no-cache"),
)
