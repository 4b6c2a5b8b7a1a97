"""Fusion of large models, one part of each in memory at a time."""
