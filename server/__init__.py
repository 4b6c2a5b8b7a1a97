"""Flower ServerApp of fedot."""
