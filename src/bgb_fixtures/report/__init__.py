"""Show a fixture on one self-contained page, to look at and to pass on.

Invariant: the same fixture gives the same bytes; the page loads nothing from anywhere,
runs nothing, and says nothing that is not in the fixture.
"""

from bgb_fixtures.report.page import Report, write_report

__all__ = ["Report", "write_report"]
