"""Measure: tracks become metres, counts and speeds."""
