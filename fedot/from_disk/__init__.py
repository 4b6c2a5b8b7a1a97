"""Fusion of model files and folders: the command, its sources, its jobs."""
