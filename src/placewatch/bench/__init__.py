"""Bench: measured figures, each a ratio or a count with its range."""
