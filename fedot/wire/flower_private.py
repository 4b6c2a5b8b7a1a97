"""The only touches of Flower's private parts, tried with flwr 1.41 and 1.42.

A `Message` can be made only where a task's identity is set, and gets its id only in transit; an engine that carries
messages itself has to do both. For the launchers Flower has no settings where these functions change it, so they import
what they change when they are called: Flower reads its environment when it is imported.
"""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flwr.app import Message
from flwr.app.exception import AppExitException
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

if TYPE_CHECKING:
    from flwr.serverapp.strategy import Strategy

__all__ = [
    "AppExitException",
    "Run",
    "assume_identity",
    "change_intake",
    "come_from",
    "forget_sent",
    "give_id",
    "name_of_bundle",
    "run_superlink",
    "run_supernode",
    "signed_bundle",
    "wait_for_database",
]

PRAGMAS = "SQLITE_PRAGMAS"
"""The SuperLink's settings of its database."""

INTAKE = "_pull_and_store_message"
"""The SuperNode's step that takes one message, and the bundle of a run it did not know."""


def assume_identity() -> None:
    """Let this process make messages."""
    TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1


def give_id(message: Message) -> str:
    """Give a message its id, as the transport would."""
    message_id = uuid.uuid4().hex
    message.metadata.__dict__["_message_id"] = message_id
    return message_id


def come_from(message: Message, node_id: int) -> None:
    """Let a reply come from another node than the one that was asked, as Flower's word of a lost node does."""
    message.metadata.__dict__["_src_node_id"] = node_id


def forget_sent(strategy: "Strategy") -> None:
    """Let a strategy that keeps the model which it has sent, to step from it, take the next one for the first."""
    if hasattr(strategy, "current_arrays"):
        strategy.current_arrays = None


def wait_for_database(milliseconds: int) -> None:
    """Let a SuperLink in this process wait so long for its database's lock."""
    from flwr.supercore import sql_mixin

    pragmas = {**dict(getattr(sql_mixin, PRAGMAS)), "busy_timeout": str(milliseconds)}
    setattr(sql_mixin, PRAGMAS, tuple(pragmas.items()))


def change_intake(change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Change the step `INTAKE` of SuperNodes that are started from now on in this process."""
    from flwr.supernode import start_client_internal as loop

    setattr(loop, INTAKE, change(getattr(loop, INTAKE)))


def signed_bundle(bundle: Any, proof: dict[str, str]) -> Any:
    """Give a bundle, Flower's `Fab`, as it was, with other signatures."""
    from flwr.supercore.fab import Fab

    return Fab(bundle.hash_str, bundle.content, proof)


def name_of_bundle(content: bytes) -> tuple[str, str]:
    """Read the id and the version of the app in a bundle."""
    from flwr.cli.config_utils import get_fab_metadata

    return get_fab_metadata(content)


def run_superlink() -> None:
    """Run ``flower-superlink``, with this process's arguments."""
    from flwr.superlink.cli import flower_superlink

    flower_superlink()


def run_supernode() -> None:
    """Run ``flower-supernode``, with this process's arguments."""
    from flwr.supernode.cli import flower_supernode

    flower_supernode()
