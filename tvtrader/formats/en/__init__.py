"""Formats for every kind of English."""
