"""Siena: read it and its seizure lists, write its twin."""
