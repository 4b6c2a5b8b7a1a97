"""Federated learning of text transformers, fused by optimal transport."""

__version__ = "0.1.0"
