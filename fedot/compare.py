"""``python -m fedot.compare``: what `fedot compare` does. This file is run, and never imported."""

from fedot.commands.compare import main

if __name__ == "__main__":
    main()
