"""Hostile files and recordings, and the good ones that they are made of."""
