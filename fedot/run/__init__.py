"""A scenario that runs on this machine: what a command and a program both start."""
