"""Formats: bins in the files that other people's tools read, a module each."""
