"""Specs: requests as TOML files, as options, and as JSON in the records of a fixture.

Invariant: TOML and options give the same table, and the same table gives the same
request; an error names the file, the key, the value and the allowed values.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgb_fixtures.eeg.montage import MONTAGES, SYSTEMS, find_montage
from bgb_fixtures.eeg.scaling import PROFILES
from bgb_fixtures.errors import SpecError, TargetError, shorten
from bgb_fixtures.format.layout import MAGIC
from bgb_fixtures.request.annotation_rules import RULE_KEYS, parse_rules
from bgb_fixtures.request.recorded import (
    RecordedRequest,
    parse_labels,
    parse_recorded,
    recorded_to_json,
)
from bgb_fixtures.request.synthetic import (
    SyntheticRequest,
    parse_synthetic,
    synthetic_to_json,
)
from bgb_fixtures.request.table import Form, Table

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from typing import TypeAlias

    Request: TypeAlias = SyntheticRequest | RecordedRequest

__all__ = [
    "PACKAGED_SPECS",
    "SOURCES",
    "check_spec_target",
    "load_default_spec",
    "load_spec",
    "parse_spec",
    "spec_to_json",
    "spec_to_toml",
    "write_spec",
]

SOURCES = ("bids", "chbmit", "edf", "siena", "synthetic", "tusz")
PACKAGED_SPECS = {
    "smoke": "smoke.toml",
    "tiny": "tiny.toml",
    "smoke-1": "specs/smoke-1.toml",
    "tiny-1": "specs/tiny-1.toml",
    "chbmit-smoke": "specs/chbmit-smoke.toml",
}
"""Specs that ship with this package: name -> path below the packaged fixtures. A number
in a name is an earlier content version."""
MAX_WINDOW_S = 3600.0
MAX_BYTES = 2**24
"""Largest spec file. A spec that lists every recording of TUSZ, with digests, is
smaller."""
_MOST_PARTS = 16
# Anchored at the start of a part, so that there is only one way to match.
_TOO_LONG = re.compile(
    rb"""(?<![\w"'-])(?:[\w"'-]+[ \t]*\.[ \t]*){%d}|(?<![0-9_])[0-9_]{1001}"""
    % _MOST_PARTS
)
_NAME = Form(
    re.compile(r"[a-z0-9][a-z0-9._-]{0,63}"),
    "lower-case letters, digits, '.', '_' or '-'; at most 64, a letter or digit first",
)
_KEYS_OF_SYNTHETIC = {
    *("name", "content_version", "source", "window_length", "montage", "names"),
    *("profile", "sfreq", "band_pass", "seed", "recordings", "recipe"),
}
_KEYS = _KEYS_OF_SYNTHETIC | {
    *("quotas", "per_kind", "splits", "types", "per_subject", "per_type", "exclude"),
    *("aliases", "unit", "label_format", "reference"),
    *("min_distance", "dev_subjects", "licence", "attribution"),
    *("missing", "sha256", "chosen", "fixture"),
    *RULE_KEYS,
}


def parse_spec(value: object, *, where: str = "") -> Request:
    """Check a parsed spec, and return the request.

    `value` is a dict with the keys of docs/specs.md; `where` is its file, for messages.
    SpecError if a key is unknown or missing, or a value is not allowed; without `where`,
    its keys are marked, for callers that name them in another way.
    """
    try:
        return _parse(Table(value))
    except SpecError as error:
        if not where:
            raise
        is_value = len(error.parts) > 1 and error.parts[1].startswith(": ")
        msg = f"{where}{', ' if is_value else ': '}{error}"
        raise SpecError(msg) from None


def _parse(table: Table) -> Request:
    table.expect(_KEYS)
    source = table.text("source", SOURCES)
    synthetic = source == "synthetic"
    if synthetic:
        table.expect(_KEYS_OF_SYNTHETIC, of=f" for source {source!r}")
    else:
        table.expect(_KEYS - {"recipe"}, of=f" for source {source!r}")
    default = RecordedRequest.default_montages.get(source, "10-20")
    rows = table.take("montage", default)
    if not isinstance(rows, list | tuple) and rows not in MONTAGES:
        montages = ", ".join(map(repr, MONTAGES))
        table.fail("montage", f"one of {montages}, or a list of rows", rows)
    system = table.text("names", SYSTEMS, "10-20")
    profile = table.text(
        "profile", tuple(PROFILES), "zscore-1" if synthetic else "raw-1"
    )
    common: dict[str, Any] = {
        "name": table.word("name", _NAME, source),
        "content_version": table.integer(
            "content_version", least=1, most=10**6, default=1
        ),
        "window_length": table.seconds(
            "window_length", least=1, most=MAX_WINDOW_S, default=60
        ),
        "profile": PROFILES[profile],
        "band_pass": _parse_band_pass(table),
    }
    reading = {} if synthetic else parse_labels(table)
    length = common["window_length"]
    own = (
        parse_synthetic(table, window_length=length)
        if synthetic
        else parse_recorded(table, source=source, window_length=length)
    )
    montage = find_montage(rows, system=system, own_labels=not synthetic, **reading)
    if not synthetic:
        rules = parse_rules(table)
        return RecordedRequest(montage=montage, rules=rules, **common, **own)
    request = SyntheticRequest(montage=montage, **common, **own)
    request.check_positive()
    return request


def _parse_band_pass(table: Table) -> tuple[float, float] | None:
    value = table.take("band_pass")
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        table.fail("band_pass", "two frequencies in Hz, such as [0.5, 70]", value)
    low, high = (
        table.number(f"band_pass[{i}]", v, least=0.1, most=10000, unit=" Hz")
        for i, v in enumerate(value)
    )
    if low >= high:
        table.fail("band_pass", "the lower frequency first", value)
    return low, high


def load_spec(path: str | os.PathLike[str]) -> Request:
    """Read a spec from a TOML file, or one of `PACKAGED_SPECS` by its name.

    SpecError if the file is missing, is not TOML, or contains an invalid request.
    """
    where = f"spec {str(path)!r}"
    if str(path) in PACKAGED_SPECS:
        from bgb_fixtures.fixture import packaged_dir

        path = packaged_dir() / PACKAGED_SPECS[str(path)]
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        # ValueError: the name contains a NUL byte.
        reason = getattr(error, "strerror", error)
        known = ", ".join(PACKAGED_SPECS)
        msg = f"{where} cannot be read: {reason}; packaged specs: {known}"
        raise SpecError(msg) from error
    return _parse_toml(raw, where=where)


def _parse_toml(raw: bytes, *, where: str) -> Request:
    if raw.startswith(MAGIC):
        msg = (
            f"{where} is a fixture, not a spec (TOML); build --save-spec saves the spec "
            "of a fixture of recordings while it is built"
        )
        raise SpecError(msg)
    if len(raw) > MAX_BYTES:
        msg = f"{where}: expected a spec, at most {MAX_BYTES} bytes"
        raise SpecError(msg)
    if _TOO_LONG.search(raw):
        # The cost of the parser is quadratic in the parts, and 100 bytes per digit.
        msg = (
            f"{where}: expected keys of at most {_MOST_PARTS} parts and numbers of at "
            "most 1000 digits"
        )
        raise SpecError(msg)
    try:
        value = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        is_binary = isinstance(error, UnicodeDecodeError)
        reason = "it is not UTF-8 text" if is_binary else shorten(str(error))
        msg = f"{where} is not TOML: {reason}"
        raise SpecError(msg) from error
    return parse_spec(value, where=where)


def load_default_spec() -> Request:
    """Return the packaged spec of the fixture ``smoke``."""
    return load_spec("smoke")


def spec_to_json(request: Request) -> dict[str, Any]:
    """Return a spec as JSON values, as in the records of a fixture.

    `parse_spec` converts it to an equal request. Keys without a value are omitted.
    """
    montage = request.montage
    value: dict[str, Any] = {
        "name": request.name,
        "content_version": request.content_version,
        "source": request.source,
        "window_length": request.window_length,
        "montage": montage.name if montage.name in MONTAGES else [*montage.derivations],
        "profile": request.profile.name,
    }
    if montage.system != "10-20":
        value["names"] = montage.system
    if isinstance(request, SyntheticRequest):
        return value | synthetic_to_json(request)
    return value | recorded_to_json(request)


def spec_to_toml(request: Request) -> str:
    """Return a spec as a TOML document that `load_spec` reads as an equal request."""
    value = spec_to_json(request)
    tables = {k: v for k, v in value.items() if isinstance(v, dict)}
    lists = {k: v for k, v in value.items() if _is_list_of_tables(v)}
    plain = value.keys() - tables.keys() - lists.keys()
    blocks = [
        "\n".join(f"{key} = {_toml(value[key])}" for key in value if key in plain)
    ]
    for key, items in lists.items():
        blocks += [f"[[{key}]]\n" + "\n".join(_lines(item)) for item in items]
    blocks += [f"[{key}]\n" + "\n".join(_lines(v)) for key, v in tables.items()]
    return "\n\n".join(blocks) + "\n"


def write_spec(request: Request, path: Path, *, target: Path) -> None:
    """Write a spec as TOML, after checking that it reads as an equal request.

    `target` is the name of the file in messages. SpecError if the spec could not be
    read again, for example because the name of a recording contains a line feed.
    """
    raw = spec_to_toml(request).encode("ascii")
    if _parse_toml(raw, where=f"spec {str(target)!r}") != request:
        msg = (
            f"spec {str(target)!r} would be read as a different request; please "
            "report this"
        )
        raise SpecError(msg)
    path.write_bytes(raw)


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _lines(table: dict[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        name = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)
        if _is_list_of_tables(value):
            items = "".join(f"  {_toml(item)},\n" for item in value)
            yield f"{name} = [\n{items}]"
        else:
            yield f"{name} = {_toml(value)}"


def _toml(value: Any) -> str:
    """Return a value as ASCII TOML; numbers are the same in JSON and TOML."""
    if isinstance(value, dict):
        pairs = ", ".join(_lines(value))
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        # As in JSON, except that TOML does not allow escaped surrogate pairs.
        quoted = json.dumps(value, ensure_ascii=False)
        return "".join(c if " " <= c <= "~" else f"\\U{ord(c):08X}" for c in quoted)
    return json.dumps(value)


def check_spec_target(path: Path, *, beside: Path) -> None:
    """Check that a spec may be written at `path`, before the work for it begins.

    TargetError if it is the file of the fixture, its folder is missing, or the existing
    file is not a spec.
    """
    if path.parent.resolve() / path.name == beside.parent.resolve() / beside.name:
        msg = (
            f"{str(path)!r}: fixture and spec need different files; choose another name"
        )
        raise TargetError(msg)
    try:
        if path.is_dir() or not path.name:
            msg = f"{str(path)!r} is a folder; expected the name of a file to write"
            raise TargetError(msg)
        if not path.parent.is_dir():
            folder = str(path.parent)
            msg = (
                f"{str(path)!r} cannot be written: folder {folder!r} does not exist. "
                "Create it first"
            )
            raise TargetError(msg)
        if path.exists():
            load_spec(path)
    except SpecError as error:
        msg = (
            f"{str(path)!r} exists and is not a spec, so it is not replaced. Choose "
            "another name, or remove it first"
        )
        raise TargetError(msg) from error
    except OSError as error:
        if isinstance(error, TargetError):
            raise
        msg = f"{str(path)!r} cannot be written: {error.strerror}"
        raise TargetError(msg) from error
