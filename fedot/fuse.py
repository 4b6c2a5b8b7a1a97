"""``python -m fedot.fuse A B -o OUT``: fuse model files without a federation.

In a program `fedot.fuse` is the function; this file is run, and never imported.
"""

from fedot.from_disk.cli import main

if __name__ == "__main__":
    main()
