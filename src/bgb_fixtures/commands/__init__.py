"""The commands of the command line, one module each; `bgb_fixtures.cli` finds them."""
