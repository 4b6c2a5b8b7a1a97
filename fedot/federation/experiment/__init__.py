"""A run on the server: seeds, rounds, references, and the record of it."""
