"""EDF files of any origin, with annotations beside them or in them."""
