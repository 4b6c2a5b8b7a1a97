"""Published fusion methods, one a file: each is a stage of its own."""
