"""What to build: checked and resolved when it is made."""
