"""The tiny federation of tests/federation."""

from tests.federation.conftest import no_network, tiny

__all__ = ["no_network", "tiny"]
