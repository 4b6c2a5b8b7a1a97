"""What a command shows, and how it was called: how it ends, its log, its progress."""
