"""Flower's command line warns of its own dependencies while it is imported, and here warnings are errors."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import flwr.app  # noqa: F401
