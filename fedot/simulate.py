"""``python -m fedot.simulate``: what `fedot simulate` does. This file is run, and never imported."""

from fedot.commands.simulate import main

if __name__ == "__main__":
    main()
