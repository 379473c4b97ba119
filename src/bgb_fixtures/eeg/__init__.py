"""EEG basics: events, channels, montages, filters, scaling."""
