"""EDF and BDF files: the format, independent of any corpus."""
