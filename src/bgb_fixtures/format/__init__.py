"""The file of DATA.md, a module per part."""
