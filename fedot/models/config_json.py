"""Configurations as JSON, and back."""

import json
from dataclasses import asdict

from fedot.errors import FedotError
from fedot.models.build import MODELS, Config
from fedot.models.limits import check_settings
from fedot.text.outside import parse_json, printable, told

MOST_BYTES = 2**16
"""Bytes of the longest JSON of a configuration."""


def config_to_json(config: Config) -> str:
    """Write a configuration as one line of JSON.

    Parameters
    ----------
    config
        Of any architecture of fedot.

    Returns
    -------
    str

    Examples
    --------
    >>> from fedot.models import model_config
    >>> config_to_json(model_config({"name": "encoder"}, vocab_size=30, n_class=2)).startswith("{")
    True
    """
    return json.dumps(asdict(config), sort_keys=True)


def config_from_json(text: str) -> Config:
    """Read what `config_to_json` wrote; nothing is built of it, and every setting has its type and a sensible size.

    Parameters
    ----------
    text
        At most `MOST_BYTES` of JSON.

    Returns
    -------
    Config

    Raises
    ------
    FedotError
        If the text is no configuration of a known architecture.

    Examples
    --------
    >>> from fedot.models import model_config
    >>> config = model_config({"name": "encoder"}, vocab_size=30, n_class=2)
    >>> config_from_json(config_to_json(config)) == config
    True
    """
    with told("a model configuration cannot be read"):
        values = parse_json(text, "a model configuration", MOST_BYTES, deepest=1)
        kind = MODELS.get(values["architecture"])
        if kind is None:
            name = printable(values["architecture"], 40)
            raise FedotError(f"a model configuration cannot be read: {name!r} is no architecture of fedot")
        result: Config = kind.config_type(**values)
        try:
            check_settings(result)
        except FedotError as error:
            raise FedotError(f"a model configuration cannot be read: {error}") from None
    return result
