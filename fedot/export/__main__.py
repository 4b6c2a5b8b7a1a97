"""``python -m fedot.export``: what `fedot export` does. This file is run, and never imported."""

from fedot.commands.export import main

if __name__ == "__main__":
    main()
