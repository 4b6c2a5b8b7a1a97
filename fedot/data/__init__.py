"""Data sets, where they come from, and how they are shared out over clients."""

from fedot.data.corpora import DATASETS
from fedot.data.load import Corpora, load_client, load_clients
from fedot.data.partition import PARTITIONERS
from fedot.data.types import ClientData

__all__ = ["DATASETS", "PARTITIONERS", "ClientData", "Corpora", "load_client", "load_clients"]
