"""Pixels: the only types that hold a picture."""
