"""Self-contained HTML page about a fixture, to view and to share.

Invariant: the same fixture gives the same bytes; the page loads no other file, runs no
script, and states nothing that is not in the fixture.
"""

from bgb_fixtures.report.page import Report, write_report

__all__ = ["Report", "write_report"]
