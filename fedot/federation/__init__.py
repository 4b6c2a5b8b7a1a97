"""Flower's side of fedot: messages, what a client and a server do, and the engines that carry it out."""
