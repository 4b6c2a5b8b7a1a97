"""Half precision as a Flower mod: the client's side of ``transfer: float16`` (`fedot.wire.half_precision`)."""

from flwr.app import Context, Message
from flwr.clientapp.typing import ClientAppCallable

from fedot.federation.client.handlers import private
from fedot.wire.half_precision import narrow, widen
from fedot.wire.messages import CONFIG, Settings


def transfer_mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
    """Widen what came from the server; narrow what goes back, if the server asks for it."""

    def answer(message: Message, context: Context) -> Message:
        settings = message.content.config_records.get(CONFIG)
        asked = settings is not None and Settings.from_record(settings).transfer == "float16"
        widen(message.content)
        reply = call_next(message, context)
        if asked and reply.has_content():
            narrow([reply.content])
        return reply

    return private(answer)(message, context)
