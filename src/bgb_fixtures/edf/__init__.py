"""EDF and BDF files: the format, and nothing of any corpus."""
