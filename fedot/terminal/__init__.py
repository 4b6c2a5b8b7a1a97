"""What a command shows: how it ends, its log, its progress."""
