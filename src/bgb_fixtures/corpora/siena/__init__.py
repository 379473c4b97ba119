"""Siena: read its lists and its recordings."""
