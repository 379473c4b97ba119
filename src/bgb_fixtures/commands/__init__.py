"""The commands of the command line, a module each; `bgb_fixtures.cli` finds them."""
