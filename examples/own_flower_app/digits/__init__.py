"""Handwritten digits at several clients, whose networks the server fuses."""
