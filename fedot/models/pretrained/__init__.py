"""Checkpoints of the transformers library as an architecture of fedot."""
