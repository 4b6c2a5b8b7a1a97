"""Put a folder of a model on the Hugging Face hub, in one commit; nothing is pushed by half."""

import contextlib
import re
from pathlib import Path
from typing import Any

from fedot.errors import FedotError
from fedot.export.checkpoint_copy import CARD
from fedot.text.outside import printable

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def check_hub_name(name: str) -> None:
    """Refuse what is no OWNER/NAME.

    Raises
    ------
    FedotError
        Saying what would be one.

    Examples
    --------
    >>> check_hub_name("clinic/bert-tiny")
    """
    if not NAME.fullmatch(name):
        raise FedotError(f"--push-to-hub is {printable(repr(name), 80)}, but OWNER/NAME of the hub is needed")


def push_folder(folder: Path, name: str, *, public: bool = False) -> str:
    """Push all of a folder as one commit, and give the address.

    A repository that is not there is made, private unless `public`; where the push fails, it is removed again.

    Parameters
    ----------
    folder
        A model's, with its card.
    name
        OWNER/NAME.
    public
        Whether anybody may read it.

    Raises
    ------
    FedotError
        If the folder has no card, there is no token or network, or the hub refuses; nothing is changed there then.
    """
    check_hub_name(name)
    if not (folder / CARD).is_file():
        raise FedotError(
            f"{folder} has no {CARD}, which the hub shows; the report of a run writes it, or write one yourself"
        )
    import huggingface_hub

    if not huggingface_hub.get_token():
        raise FedotError(f"{name} was not pushed: there is no token of the hub; run `hf auth login`, or set HF_TOKEN")
    api = huggingface_hub.HfApi()
    try:
        return _pushed(api, folder, name, public)
    except FedotError:
        raise
    except Exception as error:  # of the hub's library many, none of them of one kind
        raise FedotError(
            f"{name} was not pushed ({type(error).__name__}: {printable(error, 200)}); look at the name, the network, "
            "and what the token may do"
        ) from None


def _pushed(api: Any, folder: Path, name: str, public: bool) -> str:
    new = not api.repo_exists(name)
    if new:
        api.create_repo(name, private=not public)
    elif not public and not api.repo_info(name).private:
        raise FedotError(f"{name} was not pushed: anybody can read it there; choose another name, or add --public")
    try:
        done = api.upload_folder(repo_id=name, folder_path=folder, commit_message="Model written by fedot")
    except BaseException:
        if new:  # and still empty
            with contextlib.suppress(Exception):
                api.delete_repo(name)
        raise
    return str(getattr(done, "repo_url", "") or f"https://huggingface.co/{name}")
