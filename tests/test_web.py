"""Corpora on the web, against a server on this machine that can misbehave."""

from __future__ import annotations

import hashlib
import json
import os
import re
import ssl
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from support import loopback
from support.requests import load_recorded, recorded
from support.searched import Searched, search

from bgb_fixtures.build import build_fixture, select_fixture
from bgb_fixtures.build.privacy import texts_below, texts_of_recordings
from bgb_fixtures.cli import main
from bgb_fixtures.commands.common import Progress
from bgb_fixtures.corpora import open_corpus
from bgb_fixtures.corpora.chbmit.corpus import ChbmitCorpus
from bgb_fixtures.corpora.opened import OpenRecordings
from bgb_fixtures.corpora.remote import http, web
from bgb_fixtures.corpora.remote.cache import default_cache
from bgb_fixtures.corpora.remote.http import HttpSession
from bgb_fixtures.corpora.remote.web import WebPath, open_web
from bgb_fixtures.corpora.scan import scan_corpus
from bgb_fixtures.corpora.twin import write_corpus
from bgb_fixtures.edf.records import EdfFile
from bgb_fixtures.edf.writer import EdfAnnotation, EdfChannel, write_edf
from bgb_fixtures.errors import (
    FetchError,
    MissingPackageError,
    SourceError,
    SpecError,
    TargetError,
)
from bgb_fixtures.fixture import load_fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

pytest.importorskip("requests", reason="needs the extra remote")

SHARED = Path(__file__).parents[2] / "shared" / "data" / "chbmit-annotations"
N_BYTES = 200_000
DATA = hashlib.shake_256(b"a recording").digest(N_BYTES)
SPEC = recorded({"source": "chbmit", "montage": "double-banana", "window_length": 10})
RECORD_BYTES = 23 * 256 * 2


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def write_list(root: Path) -> None:
    """List all files of a folder, as sha256sum does in it."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()} "
        f"{path.relative_to(root).as_posix()}\n"
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "SHA256SUMS.txt"
    ]
    (root / "SHA256SUMS.txt").write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder that is no corpus, with a list: ranges need no more."""
    root = tmp_path / "files"
    (root / "db" / "case").mkdir(parents=True)
    (root / "db" / "case" / "a+1.edf").write_bytes(DATA)
    (root / "db" / "case" / "notes.txt").write_bytes(b"first\r\nsecond\n")
    write_list(root / "db")
    return root


@pytest.fixture
def server(folder: Path) -> Iterator[Any]:
    with loopback.Loopback(folder) as running:
        yield running


@pytest.fixture
def slept() -> list[float]:
    """Seconds that were waited for between attempts."""
    return []


@pytest.fixture
def connect(server: Any, tmp_path: Path, slept: list[float]) -> Callable[..., WebPath]:
    """Give a function that opens an address below the server in a new session."""

    def opened(below: str = "db/", *, timeout_s: float = 5.0) -> WebPath:
        session = HttpSession(timeouts_s=(5.0, timeout_s), sleep=slept.append)
        return open_web(server.url + below, session=session, cache=tmp_path / "cache")

    return opened


@pytest.fixture
def change(server: Any) -> Callable[..., None]:
    """Give a function that makes some answers for the recording wrong."""

    def set_change(
        wrong: Callable[[Any], Any], *, first: int = 1, last: int = 1000
    ) -> None:
        def changed(request: Any, answer: Any) -> Any:
            number = sum(r.path == request.path for r in server.requests)
            of_recording = request.path.endswith("+1.edf")
            return wrong(answer) if of_recording and first <= number <= last else answer

        server.change = changed

    return set_change


def with_headers(**headers: str) -> Callable[[Any], Any]:
    """Return a change of some headers; ``_`` stands for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda answer: replace(answer, headers=answer.headers | named)


def without_headers(*names: str, **others: str) -> Callable[[Any], Any]:
    return lambda answer: replace(
        answer,
        headers={k: v for k, v in answer.headers.items() if k not in names} | others,
    )


# Reading


def test_bytes_are_those_of_the_file(connect: Callable[..., WebPath]) -> None:
    file = (connect() / "case" / "a+1.edf").open_ranges()
    assert file.size == N_BYTES
    assert file.read(0, 256) == DATA[:256]
    assert file.read(150_000, 150_010) == DATA[150_000:150_010]
    assert file.read(10_000, 60_000) == DATA[10_000:60_000]
    assert file.read(7, 7) == b""


def test_first_request_covers_the_header_and_no_byte_is_fetched_twice(
    server: Any, connect: Callable[..., WebPath]
) -> None:
    file = (connect() / "case" / "a+1.edf").open_ranges()
    file.read(0, 256)
    file.read(256, 6144)
    file.read(30_000, 40_000)
    file.read(35_000, 50_000)
    file.read(10_000, 60_000)
    assert [request.span for request in server.requests[1:]] == [
        (0, 16384),
        (30_000, 40_000),
        (40_000, 50_000),
        (16384, 30_000),
        (50_000, 60_000),
    ]


def test_a_long_range_is_fetched_in_parts(
    server: Any, connect: Callable[..., WebPath], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "_MOST_PER_REQUEST", 70_000)
    file = (connect() / "case" / "a+1.edf").open_ranges()
    assert file.read(20_000, N_BYTES) == DATA[20_000:]
    assert [request.span for request in server.requests[2:]] == [
        (20_000, 90_000),
        (90_000, 160_000),
        (160_000, 200_000),
    ]


def test_a_file_shorter_than_the_first_range_is_read(
    folder: Path, connect: Callable[..., WebPath]
) -> None:
    (folder / "db" / "short.edf").write_bytes(DATA[:300])
    write_list(folder / "db")
    file = (connect() / "short.edf").open_ranges()
    assert (file.size, file.read(0, 300)) == (300, DATA[:300])
    with pytest.raises(
        SourceError, match="requested bytes 256 to 512, but the file has 300"
    ):
        file.read(256, 512)


def test_an_empty_file_is_refused(
    folder: Path, connect: Callable[..., WebPath]
) -> None:
    (folder / "db" / "none.edf").touch()
    write_list(folder / "db")
    with pytest.raises(SourceError, match=r"none\.edf' is empty"):
        (connect() / "none.edf").open_ranges()


def test_requests_ask_for_one_version_unpacked_and_carry_no_credentials(
    server: Any,
    connect: Callable[..., WebPath],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(netrc))
    file = (connect() / "case" / "a+1.edf").open_ranges()
    file.read(100_000, 100_001)
    _, first, second = (request.headers for request in server.requests)
    assert sorted(first) == ["accept-encoding", "host", "range", "user-agent"]
    assert first["accept-encoding"] == "identity"
    assert first["user-agent"].startswith("bgb-fixtures/")
    assert second["range"] == "bytes=100000-100000"
    assert second["if-match"].startswith('"')
    assert server.requests[1].target == "/db/case/a%2B1.edf"


def test_without_strong_etag_the_date_tells_the_version(
    server: Any,
    folder: Path,
    connect: Callable[..., WebPath],
    change: Callable[..., None],
) -> None:
    os.utime(folder / "db" / "case" / "a+1.edf", (1e9, 1e9))
    change(with_headers(ETag='W/"1"'))
    file = (connect() / "case" / "a+1.edf").open_ranges()
    assert file.read(100_000, 100_001) == DATA[100_000:100_001]
    headers = server.requests[-1].headers
    assert headers["if-unmodified-since"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    assert "if-match" not in headers


def test_a_small_file_is_fetched_whole_and_checked(
    server: Any, connect: Callable[..., WebPath]
) -> None:
    path = connect() / "case" / "notes.txt"
    assert path.read_bytes() == b"first\r\nsecond\n"
    assert path.read_text(encoding="latin-1") == "first\nsecond\n"
    assert path.sha256() == hashlib.sha256(b"first\r\nsecond\n").hexdigest()
    assert [request.path for request in server.requests] == [
        "db/SHA256SUMS.txt",
        "db/case/notes.txt",
    ]


def test_a_path_is_like_one_of_this_machine(
    server: Any, connect: Callable[..., WebPath]
) -> None:
    root = connect()
    file = root / "case" / "a+1.edf"
    assert str(root) == f"{server.url}db"
    assert str(file) == f"{server.url}db/case/a%2B1.edf"
    assert (file.name, file.stem, file.suffix) == ("a+1.edf", "a+1", ".edf")
    assert (file.parent.name, root.name, root.parent.name) == ("case", "db", "db")
    assert file.with_name("notes.txt") == root / "case/notes.txt"
    assert root.at(str(file)) == file
    assert {file, root.at(str(file))} == {file}
    assert (file.is_file(), file.is_dir(), file.exists()) == (True, False, True)
    assert (root.is_file(), root.is_dir(), root.exists()) == (False, True, True)
    assert not (root / "case" / "other").exists()
    assert [path.name for path in root.iterdir()] == ["case"]
    assert sorted((root / "case").iterdir()) == [file, file.with_name("notes.txt")]


# Addresses and lists


@pytest.mark.parametrize(
    ("below", "parts"),
    [
        pytest.param("db", (), id="database"),
        pytest.param("db/", (), id="database, slash"),
        pytest.param("db/case/", ("case",), id="case"),
        pytest.param("db/case/a%2B1.edf", ("case", "a+1.edf"), id="recording"),
        pytest.param("db/case/a+1.edf", ("case", "a+1.edf"), id="recording, as it is"),
    ],
)
def test_the_list_is_found_above_what_was_named(
    below: str, parts: tuple[str, ...], server: Any, connect: Callable[..., WebPath]
) -> None:
    path = connect(below)
    assert path.parts == parts
    assert path.folder.url == f"{server.url}db/"
    assert path.exists()


def test_an_address_without_a_list_is_refused(
    server: Any, folder: Path, connect: Callable[..., WebPath]
) -> None:
    (folder / "db" / "SHA256SUMS.txt").unlink()
    with pytest.raises(
        FetchError, match=r"no SHA256SUMS\.txt here or in the two .*chbmit"
    ):
        connect("db/case/deeper/")
    assert [request.path for request in server.requests] == [
        "db/case/deeper/SHA256SUMS.txt",
        "db/case/SHA256SUMS.txt",
        "db/SHA256SUMS.txt",
    ]


@pytest.mark.parametrize(
    ("address", "match"),
    [
        pytest.param("http://me:hush@h/db/", "user name or a password", id="password"),
        pytest.param("https://h/db/?token=hush", "'h' with '\\?' or '#'", id="query"),
        pytest.param("https://h/db/#hush", "'h' with '\\?' or '#'", id="fragment"),
        pytest.param("https:///db/", "expected a web address", id="no-host"),
        pytest.param("https://h:port/db/", "expected a web address", id="port"),
        pytest.param("https://h/db/../x", "a plain path, without '..'", id="above"),
        pytest.param("https://h/db/%2e%2e/x", "a plain path", id="encoded-above"),
        pytest.param("https://h/a%2Fb/", "a plain path", id="encoded-slash"),
        pytest.param("https://h/db//x", "a plain path", id="nothing-between"),
        pytest.param("https://h/%FF/", "a plain path", id="no-utf-8"),
    ],
)
def test_an_address_that_says_more_than_where_is_refused(
    address: str, match: str, tmp_path: Path
) -> None:
    with pytest.raises(FetchError, match=match) as caught:
        open_web(address, cache=tmp_path)
    assert "hush" not in str(caught.value)


DIGEST = "0" * 64


@pytest.mark.parametrize(
    ("text", "match"),
    [
        pytest.param(
            f"{DIGEST} ../x\n", r"line 1: expected .* got '0+ \.\./x'", id="above"
        ),
        pytest.param(
            f"{DIGEST} a\n{DIGEST} b/../../x\n", "line 2: .*below", id="inside"
        ),
        pytest.param(
            f"{DIGEST} /etc/passwd\n", "line 1: expected a SHA", id="absolute"
        ),
        pytest.param(f"{DIGEST} a//b\n", "line 1: expected a SHA", id="empty-name"),
        pytest.param(f"{DIGEST} a\\b\n", "line 1: expected a SHA", id="backslash"),
        pytest.param(f"{DIGEST} a\x07b\n", "line 1: expected a SHA", id="control"),
        pytest.param(f"{DIGEST} {'d/' * 40}x\n", "line 1: expected a SHA", id="deep"),
        pytest.param(f"{DIGEST} {'d' * 2000}\n", "line 1: expected a SHA", id="long"),
        pytest.param(f"{DIGEST[1:]} a\n", "line 1: expected a SHA", id="digest"),
        pytest.param(
            "<!DOCTYPE html>\n", "line 1: .* got '<!DOCTYPE html>'", id="page"
        ),
        pytest.param("", "line 1: expected a SHA-256", id="empty"),
        pytest.param(f"{DIGEST} \udcff\n", "is not text: byte 65", id="no-text"),
        pytest.param(f"{DIGEST} a\n{'1' * 64} a\n", "line 2: 'a' has two", id="twice"),
        pytest.param(f"{DIGEST} a\n{DIGEST} a/b\n", "'a' is a file and a", id="both"),
    ],
)
def test_a_list_that_is_no_list_of_files_below_it_is_refused(
    text: str, match: str, folder: Path, connect: Callable[..., WebPath]
) -> None:
    raw = text.encode("utf-8", "surrogateescape")
    (folder / "db" / "SHA256SUMS.txt").write_bytes(raw)
    with pytest.raises(FetchError, match=match):
        connect()


def test_a_list_as_sha256sum_writes_it_is_read(
    folder: Path, connect: Callable[..., WebPath]
) -> None:
    text = f"{DIGEST}  ./a\r\n{DIGEST} *case/b\n"
    (folder / "db" / "SHA256SUMS.txt").write_text(text, encoding="ascii", newline="")
    root = connect()
    assert ((root / "a").is_file(), (root / "case" / "b").is_file()) == (True, True)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(with_headers(Content_Length="99999999"), id="announced"),
        pytest.param(
            lambda a: replace(a, body=b"0" * 8_000_000, announce=False), id="endless"
        ),
    ],
)
def test_a_huge_list_is_refused_before_it_is_read(
    wrong: Callable[[Any], Any],
    server: Any,
    connect: Callable[..., WebPath],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web, "_MOST_LIST_BYTES", 100_000)
    server.change = lambda _, answer: wrong(answer)
    with pytest.raises(FetchError, match="at most 100000 bytes, but the server sends"):
        connect()


# A server that cannot be relied on


def test_a_server_that_ignores_ranges_is_noticed_at_once(
    folder: Path,
    server: Any,
    connect: Callable[..., WebPath],
    change: Callable[..., None],
) -> None:
    (folder / "db" / "case" / "a+1.edf").write_bytes(bytes(50_000_000))
    server.send_buffer = 65536
    change(lambda answer: replace(answer, status=200, body=bytes(50_000_000)))
    root = connect()
    with pytest.raises(
        FetchError, match=r"ignores ranges: .* 50\.0 MB .*42 GB .*download"
    ):
        (root / "case" / "a+1.edf").open_ranges()
    assert len(server.requests) == 2
    assert server.requests[1].n_sent < 1_000_000
    assert root.folder.session.traffic.n_bytes == server.requests[0].n_sent


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        pytest.param(
            with_headers(ETag='"other"'),
            """changed since its first .* its version is '"other"', but was '\"""",
            id="another-etag",
        ),
        pytest.param(
            without_headers("ETag"),
            "changed since .* its version is",
            id="etag-is-gone",
        ),
        pytest.param(
            with_headers(Content_Range="bytes 100000-100009/300000"),
            "changed since .* it has 300000 bytes, but had 200000",
            id="another-size",
        ),
        pytest.param(
            lambda a: replace(a, status=412, body=b""),
            "the server says so \\(status 412\\)",
            id="says-it-changed",
        ),
        pytest.param(
            lambda a: replace(a, status=416, body=b""),
            "the server says so \\(status 416\\)",
            id="is-shorter-now",
        ),
    ],
)
def test_a_file_that_changes_between_two_requests_is_refused(
    wrong: Callable[[Any], Any],
    match: str,
    connect: Callable[..., WebPath],
    change: Callable[..., None],
    tmp_path: Path,
) -> None:
    change(wrong, first=2)
    file = (connect() / "case" / "a+1.edf").open_ranges()
    with pytest.raises(FetchError, match=f"{match}.*delete that folder") as caught:
        file.read(100_000, 100_010)
    named = Path(str(caught.value).split("cached pieces are in '")[1].split("'")[0])
    assert named.parent == tmp_path / "cache"
    assert len(list(named.iterdir())) == 1


def test_a_file_that_is_replaced_while_it_is_read_is_noticed(
    folder: Path, connect: Callable[..., WebPath]
) -> None:
    file = (connect() / "case" / "a+1.edf").open_ranges()
    (folder / "db" / "case" / "a+1.edf").write_bytes(bytes(N_BYTES))
    with pytest.raises(FetchError, match=r"a%2B1\.edf' changed .*status 412"):
        file.read(100_000, 100_010)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        pytest.param(
            without_headers("ETag", "Last-Modified"),
            "neither a strong ETag nor Last-Modified",
            id="no-validators",
        ),
        pytest.param(
            without_headers("Last-Modified", ETag='W/"1"'),
            "neither a strong ETag nor Last-Modified",
            id="weak-etag",
        ),
        pytest.param(
            without_headers("ETag", **{"Last-Modified": "yesterday"}),
            "neither a strong ETag nor Last-Modified",
            id="no-date",
        ),
        pytest.param(
            with_headers(Content_Range="bytes 1-16383/200000"),
            "bytes 0 to 16383, but got Content-Range 'bytes 1-16383/200000'",
            id="wrong-start",
        ),
        pytest.param(
            with_headers(Content_Range="bytes 0-16382/200000"),
            "got Content-Range 'bytes 0-16382/200000'; expected 'bytes 0-16383/",
            id="wrong-end",
        ),
        pytest.param(
            with_headers(Content_Range="bytes 0-16383/*"),
            "got Content-Range 'bytes 0-16383/\\*'",
            id="unknown-total",
        ),
        pytest.param(
            without_headers("Content-Range"), "got Content-Range ''", id="no-range"
        ),
        pytest.param(
            with_headers(Content_Encoding="gzip"),
            "packs its answer \\('gzip'\\) although",
            id="packed",
        ),
        pytest.param(
            lambda a: replace(a, body=a.body + b"more"),
            "expected 16384 bytes, but the server announces 16388",
            id="announces-more",
        ),
        pytest.param(
            lambda a: replace(a, body=bytes(400_000), announce=False),
            "at most 16384 bytes, but the server sends",
            id="sends-more",
        ),
        pytest.param(
            lambda a: replace(a, status=418),
            "expected status 206, got 418",
            id="teapot",
        ),
        pytest.param(
            lambda a: replace(a, status=401), "expected status 206, got 401", id="login"
        ),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_refused(
    wrong: Callable[[Any], Any],
    match: str,
    server: Any,
    connect: Callable[..., WebPath],
    change: Callable[..., None],
    slept: list[float],
) -> None:
    change(wrong)
    root = connect()
    with pytest.raises(FetchError, match=rf"a%2B1\.edf'.*{match}"):
        (root / "case" / "a+1.edf").open_ranges()
    assert len(server.requests) == 2
    assert slept == []


def test_a_recording_that_is_not_there_is_told_from_a_bad_network(
    folder: Path, connect: Callable[..., WebPath]
) -> None:
    (folder / "db" / "case" / "a+1.edf").unlink()
    with pytest.raises(
        SourceError, match=r"a%2B1\.edf': .* no such file \(status 404\)"
    ):
        (connect() / "case" / "a+1.edf").open_ranges()


def test_a_recording_that_is_not_in_the_list_is_not_asked_for(
    server: Any, connect: Callable[..., WebPath]
) -> None:
    with pytest.raises(SourceError, match=r"b\.edf': no such file"):
        (connect() / "case" / "b.edf").open_ranges()
    with pytest.raises(SourceError, match=r"b\.txt' is not in the list .*SHA256SUMS"):
        (connect() / "case" / "b.txt").read_bytes()
    with pytest.raises(SourceError, match=r"other': no such folder"):
        next((connect() / "other").iterdir())
    assert len(server.requests) == 1


def test_a_root_that_is_not_in_the_list_is_not_told_to_be_an_address(
    connect: Callable[..., WebPath],
) -> None:
    with pytest.raises(SourceError, match=r"/db/chb99': no such .* file$"):
        open_corpus("chbmit", connect("db/chb99"))


def test_a_small_file_that_is_not_the_one_of_the_list_is_refused(
    folder: Path, connect: Callable[..., WebPath], tmp_path: Path
) -> None:
    (folder / "db" / "case" / "notes.txt").write_bytes(b"other\n")
    digest = hashlib.sha256(b"first\r\nsecond\n").hexdigest()
    match = (
        rf"notes\.txt': expected SHA-256 {digest}, .* got 7e4fa2eb.*{tmp_path}/cache"
    )
    with pytest.raises(FetchError, match=match):
        (connect() / "case" / "notes.txt").read_bytes()


def busy(status: int, **headers: str) -> Callable[[Any], Any]:
    return lambda answer: with_headers(**headers)(
        replace(answer, status=status, body=b"")
    )


@pytest.mark.parametrize(
    ("wrong", "waits"),
    [
        pytest.param(busy(503), [1.0], id="busy"),
        pytest.param(busy(500), [1.0], id="failed"),
        pytest.param(busy(429, Retry_After="7"), [7.0], id="too-many-requests"),
        pytest.param(
            busy(503, Retry_After="Sun, 09 Sep 2001 01:46:40 GMT"),
            [0.0],
            id="until-a-date",
        ),
        pytest.param(busy(503, Retry_After="soon"), [1.0], id="until-no-date"),
        pytest.param(
            busy(503, Retry_After="Sun, 09 Sep 99999999999999 01:46:40 GMT"),
            [1.0],
            id="until-no-year",
        ),
        pytest.param(
            lambda a: replace(
                with_headers(Content_Length="16384")(a), body=a.body[:5000]
            ),
            [1.0],
            id="cut-off",
        ),
        pytest.param(
            lambda a: replace(a, body=a.body[:5000], announce=False),
            [1.0],
            id="short",
        ),
    ],
)
def test_what_may_be_better_the_next_time_is_asked_for_again(
    wrong: Callable[[Any], Any],
    waits: list[float],
    connect: Callable[..., WebPath],
    change: Callable[..., None],
    slept: list[float],
) -> None:
    change(wrong, last=1)
    file = (connect() / "case" / "a+1.edf").open_ranges()
    assert file.read(0, N_BYTES) == DATA
    assert slept == waits


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        pytest.param(busy(503), "the server answered with status 503", id="busy"),
        pytest.param(
            lambda a: replace(
                with_headers(Content_Length="16384")(a), body=a.body[:5000]
            ),
            "(the connection was interrupted|5000 of 16384 bytes received)",
            id="cut-off",
        ),
        pytest.param(
            lambda a: replace(a, body=a.body[:5000], announce=False),
            "5000 of 16384 bytes received",
            id="short",
        ),
        pytest.param(
            lambda a: replace(
                with_headers(Transfer_Encoding="chunked")(a),
                body=b"-5\r\nabc",
                announce=False,
            ),
            "(the answer was not HTTP|the connection was interrupted)",
            id="negative-chunk",
        ),
    ],
)
def test_a_server_that_goes_on_failing_is_given_up(
    wrong: Callable[[Any], Any],
    match: str,
    server: Any,
    connect: Callable[..., WebPath],
    change: Callable[..., None],
    slept: list[float],
) -> None:
    change(wrong)
    root = connect()
    with pytest.raises(
        FetchError, match=rf"5 attempts failed; the last time {match}.*kept"
    ):
        (root / "case" / "a+1.edf").open_ranges()
    assert slept == [1.0, 2.0, 4.0, 8.0]
    assert len(server.requests) == 6


def test_a_server_that_is_too_slow_is_given_up(
    connect: Callable[..., WebPath],
    change: Callable[..., None],
    slept: list[float],
) -> None:
    connect()
    change(lambda answer: replace(answer, wait_s=0.3))
    # The list is in the cache by now, and not under this limit.
    root = connect(timeout_s=0.1)
    with pytest.raises(
        FetchError, match=r"5 attempts failed; .* no data received for 0\.1 s"
    ):
        (root / "case" / "a+1.edf").open_ranges()
    assert slept == [1.0, 2.0, 4.0, 8.0]


def test_a_server_that_wants_a_long_wait_is_not_waited_for(
    connect: Callable[..., WebPath], change: Callable[..., None], slept: list[float]
) -> None:
    change(busy(429, Retry_After="3600"))
    root = connect()
    with pytest.raises(FetchError, match="status 429, and asks to wait 3600 s"):
        (root / "case" / "a+1.edf").open_ranges()
    assert slept == []


def test_a_server_that_is_not_there_is_said_so(
    folder: Path, tmp_path: Path, slept: list[float]
) -> None:
    with loopback.Loopback(folder) as gone:
        url = f"{gone.url}db/"
    session = HttpSession(sleep=slept.append)
    with pytest.raises(FetchError, match=r"5 attempts .*failed: Connection refused"):
        open_web(url, session=session, cache=tmp_path / "cache")
    assert len(slept) == 4


def test_a_server_that_does_not_speak_tls_is_not_blamed_for_its_certificate(
    server: Any, slept: list[float]
) -> None:
    address = server.url.replace("http://", "https://")
    with pytest.raises(FetchError, match=r"5 attempts failed; .* connection failed: "):
        HttpSession(sleep=slept.append).fetch_whole(address, most=10)
    assert slept == [1.0, 2.0, 4.0, 8.0]


def test_a_certificate_that_is_not_trusted_ends_it_at_once(
    server: Any, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shake_hands(*_: object, **__: object) -> None:
        raise ssl.SSLCertVerificationError(1, "self-signed certificate")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", shake_hands)
    address = server.url.replace("http://", "https://")
    with pytest.raises(FetchError, match="certificate of the server cannot be"):
        HttpSession(sleep=slept.append).fetch_whole(address, most=10)
    assert slept == []


def test_a_redirect_is_followed(
    folder: Path,
    server: Any,
    connect: Callable[..., WebPath],
    change: Callable[..., None],
) -> None:
    (folder / "moved.edf").write_bytes(DATA)
    change(
        lambda a: replace(a, status=302, headers={"Location": "/moved.edf"}, body=b"")
    )
    file = (connect() / "case" / "a+1.edf").open_ranges()
    assert file.read(50_000, 60_000) == DATA[50_000:60_000]
    assert [request.path for request in server.requests[3:]] == [
        "db/case/a+1.edf",
        "moved.edf",
    ]


@pytest.mark.parametrize(
    ("location", "match"),
    [
        pytest.param("a%2B1.edf", "redirected more than 5 times", id="in-circles"),
        pytest.param("file:///etc/passwd", "something that is not a web", id="file"),
        pytest.param("http://me:hush@h/", "something that is not a web", id="password"),
        pytest.param("http://[h/", "something that is not a web", id="no-address"),
        pytest.param("http://a..b/", "where it redirects to", id="empty-label"),
        pytest.param(f"http://{'a' * 64}.b/", "where it redirects to", id="long-label"),
        pytest.param("http://h:99999/", "cannot be fetched", id="port"),
    ],
)
def test_a_redirect_that_leads_nowhere_is_refused(
    location: str,
    match: str,
    connect: Callable[..., WebPath],
    change: Callable[..., None],
) -> None:
    change(lambda a: replace(a, status=301, headers={"Location": location}, body=b""))
    with pytest.raises(FetchError, match=match) as caught:
        (connect() / "case" / "a+1.edf").open_ranges()
    assert "hush" not in str(caught.value)


def test_the_body_of_a_redirect_is_not_read(
    folder: Path,
    server: Any,
    connect: Callable[..., WebPath],
    change: Callable[..., None],
) -> None:
    (folder / "moved.edf").write_bytes(DATA)
    server.send_buffer = 65536
    change(
        lambda a: replace(
            a, status=302, headers={"Location": "/moved.edf"}, body=bytes(50_000_000)
        )
    )
    file = (connect() / "case" / "a+1.edf").open_ranges()
    assert file.read(0, 100) == DATA[:100]
    assert server.requests[1].n_sent < 5_000_000


def test_certificates_that_are_not_there_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(FetchError, match="which certificates REQUESTS_CA_BUNDLE"):
        open_web("https://127.0.0.1:1/db/", cache=tmp_path / "cache")


def test_a_redirect_from_https_to_http_is_refused() -> None:
    with pytest.raises(
        FetchError, match="'https://h/a': redirected from https to http"
    ):
        http._redirected("https://h/a", "https://h/a", "http://h/a")


def test_without_requests_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(MissingPackageError, match=r"bgb-fixtures\[remote\]"):
        HttpSession()


# The cache


def test_what_was_fetched_is_there_without_a_network(
    folder: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    with loopback.Loopback(folder) as running:
        url = f"{running.url}db/case/"
        root = open_web(url, cache=cache)
        (root / "a+1.edf").open_ranges().read(90_000, 100_000)
        (root / "notes.txt").read_bytes()
        n_bytes = root.folder.session.traffic.n_bytes

    root = open_web(url, cache=cache)

    assert (root / "a+1.edf").open_ranges().read(90_000, 95_000) == DATA[90_000:95_000]
    assert (root / "notes.txt").read_bytes() == b"first\r\nsecond\n"
    traffic = root.folder.session.traffic
    assert (traffic.n_requests, traffic.n_bytes) == (0, 0)
    assert traffic.n_cached == n_bytes


def test_a_small_file_that_a_new_list_replaces_is_fetched_again(
    folder: Path, connect: Callable[..., WebPath]
) -> None:
    root = connect()
    (root / "case" / "notes.txt").read_bytes()
    (folder / "db" / "case" / "notes.txt").write_bytes(b"third\n")
    write_list(folder / "db")
    (of_list,) = root.folder.cache.find(f"{root}/SHA256SUMS.txt")
    of_list.path.unlink()
    assert (connect() / "case" / "notes.txt").read_bytes() == b"third\n"


def test_a_file_that_was_fetched_whole_is_no_piece_of_a_known_version(
    server: Any, connect: Callable[..., WebPath]
) -> None:
    path = connect() / "case" / "notes.txt"
    path.read_bytes()
    assert path.open_ranges().read(0, 5) == b"first"
    assert server.requests[-1].span == (0, 16384)


def pieces(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


def spoilt(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(
            lambda path: path.write_bytes(spoilt(path.read_bytes())), id="bit"
        ),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:50]), id="cut"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.unlink(), id="gone"),
    ],
)
def test_a_damaged_piece_is_fetched_again(
    damage: Callable[[Path], object], connect: Callable[..., WebPath], tmp_path: Path
) -> None:
    (connect() / "case" / "a+1.edf").open_ranges().read(0, 50_000)
    (connect() / "case" / "notes.txt").read_bytes()
    before = {path: path.read_bytes() for path in pieces(tmp_path / "cache")}
    for path in before:
        damage(path)

    root = connect()

    assert (root / "case" / "a+1.edf").open_ranges().read(0, 50_000) == DATA[:50_000]
    assert (root / "case" / "notes.txt").read_bytes() == b"first\r\nsecond\n"
    assert {path: path.read_bytes() for path in pieces(tmp_path / "cache")} == before


def named_after(raw: bytes, start: int, stop: int) -> str:
    return f"{start}-{stop}-{hashlib.sha256(raw).hexdigest()}"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"no json\n" + bytes(16384), id="no-json"),
        pytest.param(b"[]\n" + bytes(16384), id="no-object"),
        pytest.param(b'{"size": 9, "version": 1}\n' + bytes(16384), id="keys"),
        pytest.param(b'{"size": 1e999, "version": "v"}\n' + bytes(16384), id="endless"),
        pytest.param(
            json.dumps(
                {"size": N_BYTES, "url": "http://h/b", "version": '"v"'}
            ).encode()
            + b"\n"
            + bytes(16384),
            id="of-another-address",
        ),
    ],
)
def test_a_foreign_file_in_the_cache_is_passed_over(
    raw: bytes, connect: Callable[..., WebPath]
) -> None:
    root = connect()
    path = root / "case" / "a+1.edf"
    folder = root.folder.cache.folder_of(str(path))
    folder.mkdir(parents=True)
    (folder / named_after(raw, 0, 16384)).write_bytes(raw)
    (folder / "0-16384").write_bytes(raw)
    assert path.open_ranges().read(0, 100) == DATA[:100]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_in_the_cache_does_not_block(connect: Callable[..., WebPath]) -> None:
    root = connect()
    path = root / "case" / "a+1.edf"
    folder = root.folder.cache.folder_of(str(path))
    folder.mkdir(parents=True)
    os.mkfifo(folder / named_after(b"", 0, 16384))
    assert path.open_ranges().read(0, 100) == DATA[:100]


def test_pieces_of_two_versions_are_not_put_together(
    folder: Path, connect: Callable[..., WebPath]
) -> None:
    root = connect()
    path = root / "case" / "a+1.edf"
    path.open_ranges().read(50_000, 60_000)
    of_first = root.folder.cache.find(str(path))[0].path
    (folder / "db" / "case" / "a+1.edf").write_bytes(bytes(N_BYTES))
    of_first.unlink()
    file = path.open_ranges()
    with pytest.raises(
        FetchError, match=r"pieces of two versions .*delete that folder"
    ):
        file.read(50_000, 60_000)


def test_a_cache_that_cannot_be_written_is_said_so(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        TargetError, match=r"file.* cannot be written.*BGB_FIXTURES_CACHE"
    ):
        open_web(f"{server.url}db/", cache=tmp_path / "file")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param(
            {"BGB_FIXTURES_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, "/c", id="asked-for"
        ),
        pytest.param({"XDG_CACHE_HOME": "/x"}, "/x/bgb-fixtures", id="desktop"),
        pytest.param({"HOME": "/home/me"}, "/home/me/.cache/bgb-fixtures", id="home"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="the folders of Linux")
def test_the_cache_is_where_the_environment_says(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BGB_FIXTURES_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_cache() == Path(expected)


def test_a_user_without_a_home_folder_has_to_name_a_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("BGB_FIXTURES_CACHE", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: Path("~/x"))
    with pytest.raises(TargetError, match=r"no home folder .* set BGB_FIXTURES_CACHE"):
        default_cache()


# Fixtures


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small corpus of three recordings of a minute, one with a plus sign."""
    pytest.importorskip("edfio", reason="needs the extra build")
    root = tmp_path_factory.mktemp("twin") / "chbmit"
    write_corpus("chbmit", root, n_recordings=3, duration=60)
    case = root / "chb81"
    for name in ("chb81_01.edf", "chb81_01.edf.seizures"):
        (case / name).rename(case / name.replace("_01", "_01+"))
    summary = case / "chb81-summary.txt"
    text = summary.read_text(encoding="ascii")
    summary.write_text(text.replace("chb81_01.edf", "chb81_01+.edf"), encoding="ascii")
    write_list(root)
    return root


@pytest.fixture
def twin_server(
    twin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    monkeypatch.setenv("BGB_FIXTURES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("time.sleep", lambda _: None)
    with loopback.Loopback(twin) as running:
        yield running


def test_a_fixture_is_that_of_a_copy_byte_for_byte(
    twin: Path, twin_server: Any, tmp_path: Path
) -> None:
    build_fixture(SPEC, tmp_path / "local.h5", root=twin)
    report = build_fixture(SPEC, tmp_path / "web.h5", root=twin_server.url)
    assert len(report.windows) >= 4
    local = (tmp_path / "local.h5").read_bytes()
    assert (tmp_path / "web.h5").read_bytes() == local


@pytest.mark.parametrize(
    "address",
    [
        "http://physionet.org/files/chbmit/1.0.0/",
        "http://physionet-open.s3.amazonaws.com/files/chbmit/1.0.0/",
    ],
)
def test_words_of_the_public_addresses_identify_nobody_and_a_proxy_is_used(
    address: str,
    twin: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BGB_FIXTURES_CACHE", str(tmp_path / "cache"))
    above = tmp_path / "files" / "chbmit"
    above.mkdir(parents=True)
    (above / "1.0.0").symlink_to(twin)
    with loopback.Loopback(tmp_path) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        report = build_fixture(SPEC, tmp_path / "web.h5", root=address)
    assert len(report.windows) >= 4
    assert proxy.requests[0].target == f"{address}SHA256SUMS.txt"


def test_a_build_fetches_headers_and_the_records_of_its_windows_once(
    twin_server: Any, tmp_path: Path
) -> None:
    report = build_fixture(SPEC, tmp_path / "web.h5", root=twin_server.url)
    requests = list(twin_server.requests)
    n_whole = sum(request.n_sent for request in requests if request.span is None)
    headers = [request for request in requests if request.span == (0, 16384)]
    windows = [r for r in requests if r.span not in (None, (0, 16384))]
    assert n_whole < 5000
    assert len(headers) <= 3
    assert len(windows) <= len(report.windows)
    # A window of 10 s that begins within a second touches 11 records.
    assert sum(r.n_sent for r in windows) <= len(report.windows) * 11 * RECORD_BYTES

    build_fixture(SPEC, tmp_path / "again.h5", root=twin_server.url)

    assert len(twin_server.requests) == len(requests)


def test_a_selection_fetches_annotations_and_headers_alone(
    twin: Path, twin_server: Any
) -> None:
    selection = select_fixture(SPEC, root=twin_server.url)
    spans = {request.span for request in twin_server.requests}
    assert spans == {None, (0, 16384)}
    assert selection.windows == select_fixture(SPEC, root=twin).windows


def test_a_scan_fetches_annotations_alone(twin: Path, twin_server: Any) -> None:
    found = scan_corpus(open_corpus("chbmit", twin_server.url))
    assert {request.span for request in twin_server.requests} == {None}
    assert found == scan_corpus(open_corpus("chbmit", twin))


@pytest.mark.parametrize(
    ("below", "names"),
    [
        pytest.param(
            "chb81/",
            ["chb81/chb81_01+.edf", "chb81/chb81_02.edf", "chb81/chb81_03.edf"],
            id="case",
        ),
        pytest.param("chb81/chb81_01+.edf", ["chb81/chb81_01+.edf"], id="recording"),
    ],
)
def test_a_part_of_the_corpus_has_an_address_too(
    below: str, names: list[str], twin_server: Any
) -> None:
    source = search(ChbmitCorpus, twin_server.url + below)
    assert [recording.name for recording in source.recordings()] == names


def test_names_of_annotation_files_are_those_of_a_copy(
    twin: Path, twin_server: Any
) -> None:
    on_web = search(ChbmitCorpus, twin_server.url)
    local = search(ChbmitCorpus, twin)
    one, other = (source.recordings()[:1] for source in (on_web, local))
    assert [recording.name for recording in one] == ["chb81/chb81_01+.edf"]
    assert on_web.annotation_digests(one) == local.annotation_digests(other)


def test_what_is_wrong_with_one_recording_leaves_it_out(
    twin_server: Any, tmp_path: Path
) -> None:
    def changed(request: Any, answer: Any) -> Any:
        if request.path.endswith("_02.edf"):
            return loopback.Answer(status=404)
        return answer

    twin_server.change = changed
    report = build_fixture(SPEC, tmp_path / "web.h5", root=twin_server.url)
    assert report.left_out
    assert "chb81_02.edf': the server has no such file" in report.left_out[0]


def test_a_recording_that_may_not_be_had_ends_the_build(
    twin_server: Any, tmp_path: Path
) -> None:
    # So answer servers that are asked too often: which windows are taken must not
    # depend on that.
    def changed(request: Any, answer: Any) -> Any:
        if request.path.endswith("_02.edf"):
            return loopback.Answer(status=403)
        return answer

    twin_server.change = changed
    with pytest.raises(FetchError, match="expected status 206, got 403"):
        build_fixture(SPEC, tmp_path / "web.h5", root=twin_server.url)


def test_a_summary_that_the_server_lacks_is_told_of_each_recording_of_its_case(
    twin_server: Any,
) -> None:
    def changed(request: Any, answer: Any) -> Any:
        if request.path.endswith("chb81-summary.txt"):
            return loopback.Answer(status=404)
        return answer

    twin_server.change = changed
    found = scan_corpus(open_corpus("chbmit", twin_server.url))
    assert [bad["name"] for bad in found.bad] == [
        "chb81/chb81_01+.edf", "chb81/chb81_02.edf", "chb81/chb81_03.edf"
    ]  # fmt: skip
    assert "chb81-summary.txt': the server has no such file" in found.bad[0]["message"]


def test_a_header_that_is_cut_off_is_told_as_for_a_copy(
    twin_server: Any,
) -> None:
    def changed(request: Any, answer: Any) -> Any:
        if request.path.endswith(".edf"):
            answer.body = answer.body[:1000]
            answer.headers["Content-Range"] = "bytes 0-999/1000"
        return answer

    twin_server.change = changed
    path = open_web(twin_server.url) / "chb81" / "chb81_02.edf"
    with pytest.raises(
        SourceError, match=r"the file ends inside its header: .*1000 bytes"
    ):
        EdfFile(path.open_ranges())


def test_a_network_that_fails_ends_the_build_instead_of_changing_the_fixture(
    twin_server: Any, tmp_path: Path
) -> None:
    twin_server.change = lambda request, answer: (
        loopback.Answer(status=503) if request.path.endswith("_02.edf") else answer
    )
    with pytest.raises(FetchError, match=r"chb81_02\.edf': 5 attempts failed"):
        build_fixture(SPEC, tmp_path / "web.h5", root=twin_server.url)
    assert not (tmp_path / "web.h5").exists()


def test_a_summary_that_is_not_the_one_of_the_list_ends_the_build(
    twin_server: Any, tmp_path: Path
) -> None:
    twin_server.change = lambda request, answer: (
        replace(answer, body=answer.body + b"\n")
        if request.path.endswith("summary.txt")
        else answer
    )
    with pytest.raises(FetchError, match=r"chb81-summary\.txt': expected SHA-256"):
        build_fixture(SPEC, tmp_path / "web.h5", root=twin_server.url)


def test_texts_in_the_records_of_a_recording_are_not_fetched_for_privacy(
    tmp_path: Path,
) -> None:
    pytest.importorskip("edfio", reason="needs the extra build")
    root = tmp_path / "db"
    (root / "chb01").mkdir(parents=True)
    channel = EdfChannel(label="FP1-F7", digital=np.zeros(100 * 256, np.int16))
    note = EdfAnnotation(onset=0, duration=10_000, text="Maria Musterfrau")
    start = datetime(2001, 1, 1)  # noqa: DTZ001
    path = root / "chb01" / "chb01_01.edf"
    write_edf(path, [channel], start=start, annotations=[note])
    (root / "chb01" / "chb01-summary.txt").write_text(
        "File Name: chb01_01.edf\nNumber of Seizures in File: 0\n", "ascii"
    )
    write_list(root)
    with loopback.Loopback(root) as running:
        corpus = ChbmitCorpus(open_web(running.url, cache=tmp_path / "cache"))
        recordings = Searched(corpus).recordings()
        with OpenRecordings(corpus) as opened:
            on_web = texts_of_recordings(opened, recordings)
    of_recording = [r.span for r in running.requests if r.path.endswith(".edf")]
    assert of_recording == [(0, 16384)]
    names = {"Maria Musterfrau", "Maria", "Musterfrau"}
    assert names.isdisjoint(on_web.origins)
    # Whoever has a copy is told of them by `verify --against`.
    assert names <= texts_below(root).origins.keys()


def test_a_saved_spec_of_a_copy_gives_the_same_bytes_from_the_web_and_back(
    twin: Path, twin_server: Any, tmp_path: Path
) -> None:
    build_fixture(SPEC, tmp_path / "1.h5", root=twin, save_spec=tmp_path / "1.toml")
    saved = load_recorded(tmp_path / "1.toml")
    build_fixture(saved, tmp_path / "2.h5", root=twin_server.url)
    build_fixture(
        SPEC, tmp_path / "3.h5", root=twin_server.url, save_spec=tmp_path / "3.toml"
    )
    one, two = ((tmp_path / f"{n}.h5").read_bytes() for n in (1, 2))
    assert two == one
    assert (tmp_path / "3.toml").read_bytes() == (tmp_path / "1.toml").read_bytes()


def test_a_scan_of_siena_fetches_its_lists_alone(tmp_path: Path) -> None:
    root = tmp_path / "siena"
    (root / "PN00").mkdir(parents=True)
    (root / "PN00" / "PN00-1.edf").write_bytes(b"not read")
    text = """Seizure n 1
File name: PN00-1.edf
Registration start time: 23.50.00
Registration end time: 00.20.00
Seizure start time: 23.59.50
Seizure end time: 00.00.50
"""
    path = root / "PN00" / "Seizures-list-PN00.txt"
    path.write_text(text, encoding="ascii")
    write_list(root)
    with loopback.Loopback(root) as running:
        place = open_web(running.url, cache=tmp_path / "cache")
        found = scan_corpus(open_corpus("siena", place))
    assert [request.path for request in running.requests] == [
        "SHA256SUMS.txt",
        "PN00/Seizures-list-PN00.txt",
    ]
    assert found.recordings[0]["events"] == [
        {"onset": 590.0, "duration": 60.0, "label": "seiz"}
    ]


@pytest.mark.parametrize("name", ["bids", "edf", "tusz"])
def test_sources_that_are_not_on_the_web_say_so(name: str) -> None:
    match = (
        r"cannot be read over the web, unlike chbmit and siena \(found 'https://h/x/'"
    )
    with pytest.raises(SpecError, match=match):
        open_corpus(name, "https://h/x/")


# The command line


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


OPTIONS = ("--source", "chbmit", "--montage", "double-banana", "--window-length", "10")


def test_build_says_what_was_fetched_and_what_was_there(
    twin_server: Any, tmp_path: Path
) -> None:
    out = str(tmp_path / "web.h5")
    first = run("build", *OPTIONS, "--root", twin_server.url, "--out", out)
    n_requests = len(twin_server.requests)
    assert (first.exit_code, first.stdout[:6]) == (0, "wrote ")
    assert f" MB in {n_requests} requests; 0 kB more came from the" in first.stderr

    second = run("build", *OPTIONS, "--root", twin_server.url, "--out", out)

    assert "fetched 0 kB in 0 requests; " in second.stderr
    assert load_fixture(out).records.source["name"] == "chbmit"


def test_dry_run_and_scan_take_an_address(twin_server: Any) -> None:
    plan = run("build", *OPTIONS, "--root", twin_server.url, "--dry-run")
    assert plan.exit_code == 0
    assert "chb81/chb81_01+.edf at " in plan.stdout
    scan = run("scan", "--source", "chbmit", "--root", twin_server.url, "--json")
    assert scan.exit_code == 0
    assert json.loads(scan.stdout)["totals"]["n_recordings"] == 3
    assert "fetched 0 kB in 0 requests" in scan.stderr


@pytest.mark.parametrize("command", ["build", "scan"])
def test_an_address_for_a_source_of_folders_is_wrong_usage(
    command: str, twin_server: Any
) -> None:
    done = run(command, "--source", "tusz", "--root", twin_server.url)
    assert done.exit_code == 2
    assert "TUSZ cannot be read over the web" in done.stderr
    assert "Traceback" not in done.output


def make_terminal(monkeypatch: pytest.MonkeyPatch, kind: str = "xterm") -> None:
    """Make stderr a terminal; for this phase of a test only, as pytest swaps it."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("bgb_fixtures.commands.common._LEAST_S", 0)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", kind)


def test_what_moves_is_shown_beside_the_bar_that_moves(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_terminal(monkeypatch)
    with Progress("planning") as planning, Progress("building") as building:
        Progress.note("0.1 MB")
        planning.show(1, 2)
        Progress.note("0.2 MB")
        building.show(1, 2)
        Progress.note("0.3 MB")
    shown = capsys.readouterr().err
    places = [
        shown.index(text)
        for text in ("\rplanning  0.1 MB", "planning (0.2 MB)", "building (0.3 MB)")
    ]
    assert places == sorted(places)


def test_a_bar_begins_anew_for_each_stage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_terminal(monkeypatch)
    with Progress("planning") as planning:
        for done, total in ((1, 2), (2, 2), (1, 2), (2, 2), (3, 4)):
            planning.show(done, total)
    shown = re.findall(r"([0-9]+)%", capsys.readouterr().err)
    assert [share for share in shown if share != "0"] == [
        "50",
        "100",
        "50",
        "100",
        "75",
    ]


def test_a_step_without_a_bar_ends_its_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_terminal(monkeypatch)
    with Progress("connecting"):
        Progress.note("0.1 MB")
    assert capsys.readouterr().err == "\rconnecting  0.1 MB\n"


def test_where_no_cursor_moves_one_line_says_what_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_terminal(monkeypatch, "dumb")
    with Progress("planning") as planning:
        Progress.note("0.1 MB")
        planning.show(1, 2)
    assert capsys.readouterr().err == "planning ...\n"


def test_bytes_are_seen_while_they_come(
    twin_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[str] = []
    monkeypatch.setattr(Progress, "note", noted.append)
    run("build", *OPTIONS, "--root", twin_server.url, "--dry-run")
    assert noted[0] == ""
    assert {"0.0 MB", "0.1 MB"} >= set(noted[1:])
    assert len(noted) >= 4


def test_verify_does_not_fetch_a_corpus_to_search_for_its_texts() -> None:
    done = run("verify", "--against", "https://h/db/")
    assert done.exit_code == 1
    assert (
        "'https://h/db/': headers and annotations of a whole remote folder are"
        in done.stderr
    )


# The real lists


@pytest.mark.edf
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_a_real_case_is_scanned_by_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BGB_FIXTURES_CACHE", str(tmp_path / "cache"))
    with loopback.Loopback(SHARED) as running:
        found = scan_corpus(open_corpus("chbmit", f"{running.url}chb01/"))
    # Three of the seven sidecars of the list are not in that folder.
    assert found.problems == {"annotation": 3}
    assert "_15.edf.seizures': the server has no such file" in found.bad[0]["message"]
    assert found.totals["n_recordings"] == 39
    assert found.totals["n_seizures"] == 4
    assert found.totals["n_signal_missing"] == 0
