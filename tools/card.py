"""Write the facts about packaged fixtures in DATA.md: sizes, digests, counts, windows.

Only the text between ``<!-- generated: NAME -->`` and ``<!-- end -->`` is replaced; in
the YAML at the top the same marks are comments. Usage: ``python tools/card.py [--check]
[FILE]``. With --check, nothing is changed, and the exit code is 1 if a part is stale.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.eeg.kinds import CATEGORIES
from bgb_fixtures.errors import FixtureError, FormatError, SpecError
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.staging import new_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bgb_fixtures.fixture import Fixture

CARD = Path(__file__).parents[1] / "DATA.md"
_SECTION = re.compile(
    r"^(?P<start>(?:# )?<!-- generated: (?P<name>[\w-]+) -->\n)"
    r"(?P<text>.*?)"
    r"(?P<end>^(?:# )?<!-- end -->$)",
    re.MULTILINE | re.DOTALL,
)


def fill_card(card: str) -> tuple[str, tuple[str, ...]]:
    """Return the text of a card with regenerated parts, and the names of stale parts.

    Raises SpecError unless the card has each of the generated parts exactly once.
    """
    with load_fixture("smoke") as smoke, load_fixture("tiny") as tiny:
        expected = {
            "sizes": _sizes(smoke, tiny),
            "fixtures": _fixtures(smoke, tiny),
            "windows": _windows(smoke),
        }
    names = [match["name"] for match in _SECTION.finditer(card)]
    if sorted(names) != sorted(expected):
        msg = (
            f"the card has the generated parts {', '.join(names) or 'none'}; expected "
            f"each once: {', '.join(expected)}, between lines "
            "'<!-- generated: NAME -->' and '<!-- end -->'"
        )
        raise SpecError(msg)
    stale = tuple(
        match["name"]
        for match in _SECTION.finditer(card)
        if match["text"] != expected[match["name"]]
    )
    text = _SECTION.sub(lambda m: m["start"] + expected[m["name"]] + m["end"], card)
    return text, stale


def write_card(path: Path, *, check: bool = False) -> tuple[str, ...]:
    """Rewrite the generated parts of a card; return the names of those that differed.

    With `check`, nothing is changed. Raises FormatError if the card cannot be read,
    SpecError if a part is missing, and TargetError if the card cannot be written.
    """
    try:
        old = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"card {str(path)!r} cannot be read: {reason}"
        raise FormatError(msg) from error
    text, stale = fill_card(old)
    if stale and not check:
        # Resolve the path, so that a symbolic link to the card is kept.
        with new_file(path.resolve()) as draft:
            draft.write_text(text, encoding="utf-8", newline="\n")
    return stale


def _sizes(*fixtures: Fixture) -> str:
    """Return sizes as YAML in the form of Hugging Face dataset cards.

    `datasets` returns all rows of an HDF5 file as one split named train; the sizes are
    those of the file and of its arrays.
    """
    lines = ["configs:"]
    for fixture in fixtures:
        name = fixture.index.name
        lines += [f"- config_name: {name}", f"  data_files: fixtures/{name}.h5"]
    lines.append("dataset_info:")
    for fixture in fixtures:
        index = fixture.index
        n_bytes = sum(array.length for array in index.arrays.values())
        lines += [
            f"- config_name: {index.name}",
            "  splits:",
            "  - name: train",
            f"    num_bytes: {n_bytes}",
            f"    num_examples: {len(fixture)}",
            f"  download_size: {index.file_size}",
            f"  dataset_size: {n_bytes}",
        ]
    return "".join(f"{line}\n" for line in lines)


def _fixtures(*fixtures: Fixture) -> str:
    columns = [dict(_facts(fixture)) for fixture in fixtures]
    rows = [
        ("", *(f"`{fixture.index.name}`" for fixture in fixtures)),
        ("---",) * (1 + len(fixtures)),
        *((key, *(column[key] for column in columns)) for key in columns[0]),
    ]
    return "".join(f"| {' | '.join(row)} |\n".replace("|  |", "| |") for row in rows)


def _facts(fixture: Fixture) -> Iterator[tuple[str, str]]:
    index, records, name = fixture.index, fixture.records, fixture.index.name
    _, n_channels, n_times = fixture.signals.shape
    counts = ", ".join(f"{index.counts[word]} {word}" for word in reversed(CATEGORIES))
    subjects: dict[str, set[str]] = {}
    for window in fixture.windows:
        subjects.setdefault(window.split, set()).add(window.subject)
    n_subjects = len({window.subject for window in fixture.windows})
    apart = sum(map(len, subjects.values())) == n_subjects
    splits = ", ".join(
        f"{split} {sum(window.split == split for window in fixture.windows)}"
        for split in subjects
    )
    yield "windows", f"{len(fixture)} of {n_times / index.sfreq:g} s: {counts}"
    yield (
        "signals",
        (
            f"{n_channels} channels, montage {records.montage}, {index.sfreq:g} Hz, "
            f"profile `{records.profile['name']}`"
        ),
    )
    yield (
        "splits",
        f"{splits}; {n_subjects} subjects, {'none' if apart else 'some'} in two splits",
    )
    yield "ictal share of samples", f"{100 * fixture.labels.mean():.1f} %"
    yield "size", f"{index.file_size:,} bytes"
    yield (
        "content version, recipe, seed",
        (
            f"{index.content_version}, `{records.source['recipe']}`, "
            f"{records.source['seed']}"
        ),
    )
    yield "built from", f"`fixtures/{name}.toml`"
    yield (
        "rebuild",
        f"`bgb-fixtures build --spec fixtures/{name}.toml --out {name}.h5`",
    )
    digest = hashlib.sha256(fixture.path.read_bytes()).hexdigest()
    yield "SHA-256 of the file", f"`{digest}`"
    yield "digest that `info` and `verify` show", f"`{index.digest}`"
    yield "licence", str(records.licence["name"])


def _windows(fixture: Fixture) -> str:
    lines = [
        "| window | split | subject | category, kind | ictal | seizures: code, s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for window, labels in zip(fixture.windows, fixture.labels, strict=True):
        events = ", ".join(
            f"{event.label} {event.onset:g}-{event.onset + event.duration:g}"
            for event in window.events
        )
        lines.append(
            f"| {window.id} | {window.split} | {window.subject} | {window.category}, "
            f"{window.kind} | {100 * labels.mean():.1f} % | {events or '-'} |"
        )
    return "".join(f"{line}\n" for line in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check a card; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", metavar="FILE", type=Path, nargs="?", default=CARD)
    parser.add_argument("--check", action="store_true", help="Change nothing.")
    given = parser.parse_args(arguments)
    try:
        stale = write_card(given.path, check=given.check)
    except FixtureError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    if not stale:
        print(f"{given.path}: up to date")
    elif given.check:
        print(
            f"{given.path}: stale: {', '.join(stale)}; run: python tools/card.py "
            f"{given.path}",
            file=sys.stderr,
        )
    else:
        print(f"{given.path}: wrote {', '.join(stale)}")
    return 1 if stale and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
