"""CHB-MIT: read it and its annotation files, write its twin."""
