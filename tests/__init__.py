"""Tests, laid out like the tree."""
