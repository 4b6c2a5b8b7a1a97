"""A user's own files: every way of reading is tried, and one that is in doubt is refused."""
