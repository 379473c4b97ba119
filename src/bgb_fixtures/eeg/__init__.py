"""What the field knows of EEG: events, channels, montages, filters, scaling."""
