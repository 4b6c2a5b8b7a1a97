"""Grids around Flower's: counted, kept for a restart, asked one by one."""
