"""Keeps runs: the log of their events."""
