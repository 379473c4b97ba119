"""Run the command line as ``python -m bgb_fixtures``."""

from bgb_fixtures.cli import main

if __name__ == "__main__":
    main(prog_name="bgb-fixtures")
