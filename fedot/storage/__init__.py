"""What is written to disk: whole or not at all, with checksums, in folders that are cleared; and what came along."""
