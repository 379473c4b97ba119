"""TUSZ: read it and its annotation files, write its twin, export to it."""
