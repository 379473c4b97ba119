"""Fetch byte ranges and small files over HTTP, validated and retried.

Invariant: exactly the requested bytes of one version of the file are returned; a
response that does not contain them is detected before its body is read. No credentials
are sent, and messages contain no address except the requested one.

References
----------
HTTP semantics: ranges, validators, Retry-After; RFC 9110,
https://www.rfc-editor.org/rfc/rfc9110.
"""

from __future__ import annotations

import logging
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NoReturn, TypeVar
from urllib.parse import urljoin, urlsplit

from bgb_fixtures import __version__
from bgb_fixtures.errors import FetchError, MissingPackageError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import requests

__all__ = ["FileChangedError", "HttpSession", "Piece", "Traffic"]

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_TIMEOUTS_S = (10.0, 30.0)
"""Timeouts to connect, and between two packets of a response."""
_TRIES = 5
_BACKOFF_S = 1.0
_LONGEST_WAIT_S = 60.0
_MOST_REDIRECTS = 5
_CHUNK = 64 * 2**10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ABSENT = frozenset({404, 410})
_FORBIDDEN = 403
"""Sent by servers that limit request rates, and by object stores for missing files."""
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
# Raised by the standard library, and by urllib3 where it compares host names itself.
# Other TLS errors are connection errors: a handshake that the server drops is retried.
_OF_CERTIFICATES = frozenset({"SSLCertVerificationError", "CertificateError"})
_LENGTH = re.compile(r"[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_STRONG_ETAG = re.compile(r'"[!#-~\x80-\xff]{0,1000}"')


@dataclass(slots=True)
class Traffic:
    """Network traffic and cache hits of a session.

    Attributes
    ----------
    n_requests : int
        Requests sent, including failed requests and redirects.
    n_bytes : int
        Bytes of response bodies received.
    n_cached : int
        Bytes read that were in the cache before this session.
    """

    n_requests: int = 0
    n_bytes: int = 0
    n_cached: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A range of bytes of a remote file.

    Attributes
    ----------
    start : int
        Position of the first byte.
    data : bytes
        The bytes.
    size : int
        Size of the whole file in bytes.
    version : str
        Strong ETag, with its quotes, or the Last-Modified date; empty if the version is
        identified by a digest of the whole file.
    """

    start: int
    data: bytes
    size: int
    version: str

    @property
    def stop(self) -> int:
        """Position after the last byte."""
        return self.start + len(self.data)


class FileChangedError(FetchError):
    """The remote file changed since its cached pieces were fetched."""


class _TryAgainError(Exception):
    """A failed request that may succeed when retried."""

    def __init__(self, problem: str, *, wait_s: float | None = None) -> None:
        super().__init__(problem)
        self.wait_s = wait_s


class HttpSession:
    """Connections to web servers, kept open between requests.

    Attributes
    ----------
    traffic : Traffic
        Traffic so far.
    listener : callable or None
        Called with `traffic` after each chunk.
    """

    def __init__(
        self,
        *,
        timeouts_s: tuple[float, float] = _TIMEOUTS_S,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        try:
            self._session = _new_session()
        except ImportError as error:
            msg = (
                "reading from the web needs requests, which is not installed; run: "
                'pip install "bgb-fixtures[remote]"'
            )
            raise MissingPackageError(msg) from error
        self._timeouts_s = timeouts_s
        self._sleep = sleep or time.sleep
        self._session.headers.clear()
        self._session.headers.update(
            {
                # Ranges refer to the encoded body, so compression must be off.
                "Accept-Encoding": "identity",
                "User-Agent": f"bgb-fixtures/{__version__}",
            }
        )
        # Otherwise requests would look for a password in the user's .netrc.
        self._session.auth = lambda request: request
        self.traffic = Traffic()
        self.listener: Callable[[Traffic], None] | None = None

    def fetch_range(
        self,
        url: str,
        start: int,
        stop: int,
        *,
        size: int | None = None,
        version: str | None = None,
    ) -> Piece:
        """Fetch the bytes `[start, stop)`; fewer if the file is shorter.

        `size` and `version` are None if not known yet. SourceError if there is no such
        file, FetchError if the server does not reliably return the bytes.
        """
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        if version is not None:
            name = "If-Match" if version.startswith('"') else "If-Unmodified-Since"
            headers[name] = version

        def once() -> Piece:
            with self._answer(url, headers) as answer:
                if answer.status_code == 200:
                    _refuse_whole(url, answer.headers)
                if answer.status_code == 416 and size is None:
                    msg = f"{url!r} is empty; expected an EDF file"
                    raise SourceError(msg)
                if answer.status_code in (412, 416):
                    _refuse_change(
                        url, f"the server says so (status {answer.status_code})"
                    )
                if answer.status_code != 206:
                    _refuse_status(url, answer.status_code, expected="206")
                total, last = _check_content_range(
                    url, answer.headers.get("Content-Range", ""), start=start, stop=stop
                )
                found = _version(url, answer.headers)
                if size not in (None, total):
                    _refuse_change(url, f"it has {total} bytes, but had {size}")
                if version not in (None, found):
                    _refuse_change(
                        url, f"its version is {found!r}, but was {version!r}"
                    )
                data = self._body(url, answer, expected=last - start)
            return Piece(start=start, data=data, size=total, version=found)

        return self._with_retries(url, once)

    def fetch_whole(self, url: str, *, most: int, may_be_absent: bool = False) -> bytes:
        """Fetch a file of at most `most` bytes.

        With `may_be_absent`, status 403 means that the file is missing. SourceError if
        there is no such file, FetchError if the server does not return it.
        """

        def once() -> bytes:
            with self._answer(url, {}) as answer:
                if may_be_absent and answer.status_code == _FORBIDDEN:
                    _refuse_absent(url, answer.status_code)
                if answer.status_code != 200:
                    _refuse_status(url, answer.status_code, expected="200")
                return self._body(url, answer, most=most)

        return self._with_retries(url, once)

    def _with_retries(self, url: str, once: Callable[[], _T]) -> _T:
        import requests

        problem, wait_s = "", None
        for attempt in range(_TRIES):
            if attempt:
                if wait_s is None:
                    wait_s = _BACKOFF_S * 2 ** (attempt - 1)
                _log.info("%s: %s; retrying in %g s", url, problem, wait_s)
                self._sleep(wait_s)
            try:
                return once()
            except _TryAgainError as error:
                problem, wait_s = str(error), error.wait_s
                if wait_s is not None and wait_s > _LONGEST_WAIT_S:
                    msg = (
                        f"{url!r}: {problem}, and asks to wait {wait_s:.0f} s; run it "
                        "again after that: what was fetched is kept"
                    )
                    raise FetchError(msg) from error
            except (
                requests.exceptions.ConnectionError,
                requests.exceptions.Timeout,
                requests.exceptions.ChunkedEncodingError,
            ) as error:
                names = {type(cause).__name__ for cause in _iter_causes(error)}
                if names & _OF_CERTIFICATES:
                    _refuse_certificate(url, error)
                problem, wait_s = self._describe(error), None
            except requests.exceptions.RequestException as error:
                msg = (
                    f"{url!r} cannot be fetched ({type(error).__name__}); check the "
                    "address and the proxy of this machine"
                )
                raise FetchError(msg) from error
        msg = (
            f"{url!r}: {_TRIES} attempts failed; the last time {problem}. Check the "
            "connection and run it again: what was fetched is kept"
        )
        raise FetchError(msg)

    def _describe(self, error: BaseException) -> str:
        """Describe an error without the text of requests, which may hold a password."""
        import requests

        if isinstance(error, requests.exceptions.ConnectTimeout):
            return f"no connection was made within {self._timeouts_s[0]:g} s"
        for cause in _iter_causes(error):
            if isinstance(cause, TimeoutError) or "ReadTimeout" in type(cause).__name__:
                return f"no data received for {self._timeouts_s[1]:g} s"
            if isinstance(cause, OSError) and cause.strerror:
                return f"the connection failed: {cause.strerror}"
        return "the connection was interrupted"

    @contextmanager
    def _answer(
        self, url: str, headers: Mapping[str, str]
    ) -> Iterator[requests.Response]:
        """Yield a response before its body; close the connection if it is not read."""
        here = url
        for _ in range(_MOST_REDIRECTS + 1):
            self.traffic.n_requests += 1
            with self._get(url, here, headers) as answer:
                target = answer.headers.get("Location")
                if answer.status_code not in _REDIRECTS or target is None:
                    if answer.status_code in _BUSY:
                        problem = (
                            f"the server answered with status {answer.status_code}"
                        )
                        wait_s = _retry_after(answer.headers.get("Retry-After", ""))
                        raise _TryAgainError(problem, wait_s=wait_s)
                    if answer.status_code in _ABSENT:
                        _refuse_absent(url, answer.status_code)
                    _check_encoding(url, answer.headers)
                    yield answer
                    return
            here = _redirected(url, here, target)
        msg = (
            f"{url!r}: redirected more than {_MOST_REDIRECTS} times; pass the address "
            "that a browser shows at the end"
        )
        raise FetchError(msg)

    def _get(
        self, url: str, here: str, headers: Mapping[str, str]
    ) -> requests.Response:
        """Send one request; `here` is the current address after redirects of `url`."""
        import requests

        try:
            return self._session.get(
                here,
                headers=dict(headers),
                stream=True,
                timeout=self._timeouts_s,
                allow_redirects=False,
            )
        except requests.exceptions.RequestException:
            raise
        except (OSError, ValueError) as error:
            # Not wrapped by requests: a missing certificate file, or an invalid host.
            msg = (
                f"{url!r} cannot be fetched ({type(error).__name__}); check the address, "
                "where it redirects to, and which certificates REQUESTS_CA_BUNDLE or "
                "CURL_CA_BUNDLE names"
            )
            raise FetchError(msg) from error

    def _body(
        self,
        url: str,
        answer: requests.Response,
        *,
        expected: int | None = None,
        most: int | None = None,
    ) -> bytes:
        """Read a body of `expected` bytes, or of at most `most` bytes."""
        length = _content_length(answer.headers)
        if expected is not None and length not in (None, expected):
            msg = (
                f"{url!r}: expected {expected} bytes, but the server announces "
                f"{length}; use another copy of this corpus"
            )
            raise FetchError(msg)
        limit = expected if expected is not None else most
        parts = []
        n_bytes = 0
        if most is not None and length is not None and length > most:
            _refuse_length(url, length, most)
        for part in _iter_body(answer):
            parts.append(part)
            n_bytes += len(part)
            self.traffic.n_bytes += len(part)
            if self.listener is not None:
                self.listener(self.traffic)
            if limit is not None and n_bytes > limit:
                _refuse_length(url, n_bytes, limit)
        whole = expected if expected is not None else length
        if whole is not None and n_bytes < whole:
            problem = f"{n_bytes} of {whole} bytes received"
            raise _TryAgainError(problem)
        return b"".join(parts)


def _new_session() -> requests.Session:
    import requests

    class Session(requests.Session):
        # Otherwise requests would read the whole body of a redirect, even unfollowed.
        def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
            return None

    return Session()


def _iter_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and the chain of its causes."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _iter_body(answer: requests.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_content(_CHUNK)
    except ValueError as error:
        # urllib3 does not catch a chunk of negative length.
        problem = "the answer was not HTTP"
        raise _TryAgainError(problem) from error


def _content_length(headers: Mapping[str, str]) -> int | None:
    match = _LENGTH.fullmatch(headers.get("Content-Length", ""))
    return None if match is None else int(match[0])


def _check_content_range(
    url: str, text: str, *, start: int, stop: int
) -> tuple[int, int]:
    """Return (size of the file, end of the range), if it is the requested range."""
    match = _CONTENT_RANGE.fullmatch(text)
    if match is not None:
        first, last, total = map(int, match.groups())
        if first == start and last + 1 == min(stop, total):
            return total, last + 1
    msg = (
        f"{url!r}: requested bytes {start} to {stop - 1}, but got Content-Range "
        f"{text[:100]!r}; expected 'bytes {start}-{stop - 1}/<size of the file>'. Use "
        "another copy of this corpus"
    )
    raise FetchError(msg)


def _version(url: str, headers: Mapping[str, str]) -> str:
    """Return the validator that identifies the version of a file."""
    etag = headers.get("ETag", "")
    # A weak ETag (W/"...") does not guarantee identical bytes.
    if _STRONG_ETAG.fullmatch(etag):
        return etag
    changed = headers.get("Last-Modified", "")
    if changed and _date(changed) is not None:
        return changed
    msg = (
        f"{url!r}: the server sends neither a strong ETag nor Last-Modified, so pieces "
        "of two versions could not be distinguished; use another copy of this corpus, or "
        "download it"
    )
    raise FetchError(msg)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def _retry_after(text: str) -> float | None:
    """Return the seconds to wait from Retry-After, which is a number or a date."""
    if _LENGTH.fullmatch(text):
        return float(text)
    date = _date(text) if text else None
    if date is None:
        return None
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _check_encoding(url: str, headers: Mapping[str, str]) -> None:
    encoding = headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        msg = (
            f"{url!r}: the server packs its answer ({encoding[:20]!r}) although the "
            "request forbids it; use another copy of this corpus"
        )
        raise FetchError(msg)


def _redirected(url: str, here: str, location: str) -> str:
    try:
        target = urljoin(here, location)
        parts = urlsplit(target)
    except ValueError:
        target, parts = location, urlsplit("")
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or "@" in parts.netloc
    ):
        msg = (
            f"{url!r}: redirected to something that is not a web address; check the "
            "address"
        )
        raise FetchError(msg)
    if urlsplit(here).scheme == "https" and parts.scheme == "http":
        msg = (
            f"{url!r}: redirected from https to http, where the data could be changed "
            "in transit; check the address"
        )
        raise FetchError(msg)
    return target


def _refuse_whole(url: str, headers: Mapping[str, str]) -> NoReturn:
    length = _content_length(headers)
    much = "" if length is None else f", {length / 1e6:.1f} MB"
    msg = (
        f"{url!r}: this server ignores ranges: it answers a request for a part with "
        f"the whole file{much} (status 200, expected 206), and whole recordings would be "
        "needed (42 GB of CHB-MIT). Nothing was read. Use another copy of this corpus, "
        "or download it and pass its folder"
    )
    raise FetchError(msg)


def _refuse_change(url: str, how: str) -> NoReturn:
    msg = f"{url!r} changed since its first bytes were fetched: {how}"
    raise FileChangedError(msg)


def _refuse_certificate(url: str, error: Exception) -> NoReturn:
    msg = (
        f"{url!r}: the certificate of the server cannot be verified; check the address, "
        "the date of this machine, and its proxy"
    )
    raise FetchError(msg) from error


def _refuse_absent(url: str, status: int) -> NoReturn:
    msg = (
        f"{url!r}: the server has no such file (status {status}); check the address, or "
        "use another copy of this corpus"
    )
    raise SourceError(msg)


def _refuse_status(url: str, status: int, *, expected: str) -> NoReturn:
    msg = (
        f"{url!r}: expected status {expected}, got {status}; check the address, or "
        "use another copy of this corpus"
    )
    raise FetchError(msg)


def _refuse_length(url: str, got: int, most: int) -> NoReturn:
    msg = (
        f"{url!r}: expected at most {most} bytes, but the server sends {got} or more; "
        "use another copy of this corpus"
    )
    raise FetchError(msg)
