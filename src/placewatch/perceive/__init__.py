"""Perceive: frames become tracks; pixels end here."""
