"""``python -m fedot``: the command `fedot`."""

from fedot.commands.fedot import main

if __name__ == "__main__":
    main()
