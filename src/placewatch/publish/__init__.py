"""Publish: facts become reports, tables and files."""
