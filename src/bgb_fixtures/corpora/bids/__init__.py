"""BIDS-EEG with the events of SzCORE: read it, write its twin, export to it."""
