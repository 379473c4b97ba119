"""What a fixture from a corpus on the web costs, beside a download of its recordings."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING
from urllib.request import urlopen

from bench_measure import Row, Table
from support.loopback import Loopback

from bgb_fixtures.build import build_fixture, select_fixture
from bgb_fixtures.corpora.remote.web import open_web
from bgb_fixtures.corpora.twin import write_corpus
from bgb_fixtures.request.recorded import RecordedRequest
from bgb_fixtures.request.spec import parse_spec

if TYPE_CHECKING:
    from pathlib import Path

    from bench_measure import Bench

__all__ = ["bench_remote"]

DELAY_S = 0.05
BYTES_PER_S = 10e6


def _spec(n_windows: int) -> RecordedRequest:
    quotas = {"onset": 1} | ({"background": n_windows - 1} if n_windows > 1 else {})
    options = {"source": "chbmit", "montage": "double-banana", "window_length": 10}
    request = parse_spec(options | {"quotas": quotas}, where="benchmark")
    assert isinstance(request, RecordedRequest)
    return request


def bench_remote(bench: Bench) -> list[Table]:
    """Build 1, 10 and 100 windows of 10 s from hours on a slow server."""
    corpus = bench.folder / "chbmit"
    write_corpus(
        "chbmit",
        corpus,
        n_recordings=bench.pick(4, 3),
        duration=bench.pick(3600, 60),
    )
    rows: list[Row] = []
    delay_s, rate = bench.pick((DELAY_S, BYTES_PER_S), (0.0, None))
    with Loopback(corpus, delay_s=delay_s, bytes_per_s=rate) as server:
        for n_windows in bench.pick((1, 10, 100), (1, 2)):
            rows += _rows(n_windows, server, bench.folder / f"{n_windows}")
    title = f"windows of 10 s from {bench.pick('an hour', 'a minute')} each, by HTTP"
    note = (
        f"a server on this machine that takes {delay_s * 1000:g} ms for every request"
        + (f" and gives {rate / 1e6:g} MB/s" if rate else "")
        + "; measured once"
    )
    return [Table(title=title, rows=tuple(rows), note=note)]


def _rows(n_windows: int, server: Loopback, folder: Path) -> list[Row]:
    """Measure three ways to the same windows."""
    spec = _spec(n_windows)
    folder.mkdir()
    cache = folder / "cache"

    def from_web() -> None:
        root = open_web(server.url, cache=cache)
        build_fixture(spec, folder / "web.h5", root=root)

    def from_copy() -> None:
        _download(names, server, folder / "copy")
        build_fixture(spec, folder / "copy.h5", root=folder / "copy")

    ways = {
        "ranges": from_web,
        "again, from the cache": from_web,
        "their recordings downloaded": from_copy,
    }
    rows: list[Row] = []
    for name, run in ways.items():
        if run is from_copy:
            names = _names(spec, open_web(server.url, cache=cache).folder.url, cache)
        n_requests, n_bytes = len(server.requests), server.n_sent
        start = perf_counter()
        run()
        value = (perf_counter() - start) * 1000
        n_requests = len(server.requests) - n_requests
        rows.append(
            Row(
                name=f"windows, {n_windows}: {name}",
                value=value,
                ratio=value / rows[0].value if rows else 1.0,
                note=f"{(server.n_sent - n_bytes) / 1e6:.2f} MB, {n_requests} requests",
            )
        )
    return rows


def _names(spec: RecordedRequest, url: str, cache: Path) -> list[str]:
    """Return the files that somebody needs who downloads whole ones."""
    plan = select_fixture(spec, root=open_web(url, cache=cache))
    names = sorted({window.recording.name for window in plan.windows})
    cases = sorted({name.split("/")[0] for name in names})
    return [*names, *(f"{case}/{case}-summary.txt" for case in cases)]


def _download(names: list[str], server: Loopback, folder: Path) -> None:
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with urlopen(server.url + name) as answer:
            target.write_bytes(answer.read())
