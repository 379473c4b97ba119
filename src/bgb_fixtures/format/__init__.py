"""The file format of DATA.md, one module per part."""
