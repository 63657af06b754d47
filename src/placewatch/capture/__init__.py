"""Capture: cameras, files and drawn streets become frames."""
