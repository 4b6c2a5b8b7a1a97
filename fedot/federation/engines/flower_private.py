"""The only touches of Flower's private parts, tried with flwr 1.41 and 1.42.

A `Message` can be made only where a task's identity is set, and gets its id only in transit; an engine that
carries messages itself has to do both.
"""

import uuid

from flwr.app import Message
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

__all__ = ["Run", "assume_identity", "come_from", "give_id"]


def assume_identity(run_id: int = 1, node_id: int = 1) -> None:
    """Let this process make messages."""
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, run_id, node_id


def give_id(message: Message) -> str:
    """Give a message its id, as the transport would."""
    message_id = uuid.uuid4().hex
    message.metadata.__dict__["_message_id"] = message_id
    return message_id


def come_from(message: Message, node_id: int) -> None:
    """Let a reply come from another node than the one that was asked, as Flower's word of a lost node does."""
    message.metadata.__dict__["_src_node_id"] = node_id
