"""What a user types: each command's options and words, and nothing that a program cannot do without it."""
