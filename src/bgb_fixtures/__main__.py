"""Run the command line as ``python -m bgb_fixtures``."""

from bgb_fixtures.cli import run

if __name__ == "__main__":
    run()
