"""``python -m fedot.predict``: what `fedot predict` does. This file is run, and never imported."""

from fedot.commands.predict import main

if __name__ == "__main__":
    main()
