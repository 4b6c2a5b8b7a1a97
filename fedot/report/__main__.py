"""``python -m fedot.report``: what `fedot report` does."""

from fedot.commands.report import main

if __name__ == "__main__":
    main()
