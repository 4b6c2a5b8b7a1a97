"""Flower ClientApp of fedot."""
