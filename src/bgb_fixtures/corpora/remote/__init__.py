"""Corpora at a web address."""
