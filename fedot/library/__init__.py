"""What a program or a notebook calls: `fedot.fuse` and `fedot.simulate`, and what they give."""
