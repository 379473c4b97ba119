"""What synthetic EEG is measured by: shared by the tests and `tools/realism.py`."""
