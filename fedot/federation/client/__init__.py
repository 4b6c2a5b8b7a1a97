"""The client's side: what is done at each message, and what a client allows."""
