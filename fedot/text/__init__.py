"""Texts from outside: checked, made printable, read in one way."""
