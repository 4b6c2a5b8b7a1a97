"""Published ways to average models that are aligned already; nothing here maps neurons."""
