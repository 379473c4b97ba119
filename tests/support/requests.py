"""Requests of a known kind, from the table of a spec or from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bgb_fixtures.request.recorded import Listing, RecordedRequest
from bgb_fixtures.request.spec import load_spec, parse_spec
from bgb_fixtures.request.synthetic import SyntheticRequest

if TYPE_CHECKING:
    import os

    from bgb_fixtures.request.spec import Request

__all__ = ["listing_of", "load_recorded", "load_synthetic", "recorded", "synthetic"]


def recorded(table: dict[str, Any], *, where: str = "a test") -> RecordedRequest:
    """Return the request for recordings that a table describes."""
    request = parse_spec(table, where=where)
    assert isinstance(request, RecordedRequest)
    return request


def load_recorded(path: str | os.PathLike[str]) -> RecordedRequest:
    """Return the request for recordings of a file, or of a packaged spec."""
    request = load_spec(path)
    assert isinstance(request, RecordedRequest)
    return request


def load_synthetic(path: str | os.PathLike[str]) -> SyntheticRequest:
    """Return the request for synthetic EEG of a file, or of a packaged spec."""
    request = load_spec(path)
    assert isinstance(request, SyntheticRequest)
    return request


def listing_of(request: Request) -> Listing:
    """Return what a request lists."""
    assert isinstance(request, RecordedRequest)
    assert isinstance(request.selection, Listing)
    return request.selection


def synthetic(table: dict[str, Any], *, where: str = "a test") -> SyntheticRequest:
    """Return the request for synthetic EEG that a table describes."""
    request = parse_spec(table, where=where)
    assert isinstance(request, SyntheticRequest)
    return request
