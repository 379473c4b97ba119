"""The manifest of a twin: the files that the generator wrote, with their digests.

Invariant: a file counts as synthetic only if the manifest lists it with the digest of
the bytes that were read. An invalid manifest is ignored, so data counts as patient data
when in doubt.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.edf.source import HashedSource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bgb_fixtures.corpora.corpus import Corpus
    from bgb_fixtures.corpora.opened import OpenRecordings
    from bgb_fixtures.corpora.recording import Recording

__all__ = ["MANIFEST_NAME", "Manifest", "find_manifest", "write_manifest"]

MANIFEST_NAME = "synthetic.json"

_WHAT = "synthetic EEG by bgb-fixtures; nobody was recorded"
_MOST_BYTES = 16 * 2**20
# Layout and recipe are copied into fixtures, so they must not be free text.
_WORD = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Layout, recipe, seed and file digests of a twin.

    The keys of `sha256` are paths from `folder`, with ``/``.
    """

    folder: Path
    layout: str
    recipe: str
    seed: int
    sha256: dict[str, str]

    def covers(self, opened: OpenRecordings, recordings: Iterable[Recording]) -> bool:
        """Say whether all files of some recordings are unchanged generated files.

        The recordings must have been opened with `whole_digests`.
        """
        paths: dict[str, str | None] = {}
        for recording in recordings:
            source = opened.open(recording).edf.source
            if not isinstance(source, HashedSource):
                raise TypeError(source)
            paths |= dict.fromkeys(recording.located.annotations)
            paths[recording.located.signal] = source.sha256()
        return all(self._lists(Path(path), digest) for path, digest in paths.items())

    def _lists(self, path: Path, digest: str | None) -> bool:
        try:
            name = path.absolute().relative_to(self.folder).as_posix()
        except ValueError:
            return False
        expected = self.sha256.get(name)
        return expected is not None and expected == (digest or _sha256(path))


def write_manifest(folder: Path, *, layout: str, recipe: str, seed: int) -> None:
    """Write the manifest of all files in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    value = {
        "what": _WHAT,
        "licence": "CC0-1.0",
        "layout": layout,
        "recipe": recipe,
        "seed": seed,
        "sha256": {
            path.relative_to(folder).as_posix(): _sha256(path) for path in files
        },
    }
    text = f"{json.dumps(value, indent=2)}\n"
    (folder / MANIFEST_NAME).write_bytes(text.encode("ascii"))


def find_manifest(corpus: Corpus) -> Manifest | None:
    """Return the manifest of a local corpus, from its folder or one above it."""
    if not isinstance(corpus.root, Path):
        return None
    # Resolve '..' but not links, so that the folder is the one the user named.
    top = Path(os.path.abspath(corpus.top))  # noqa: PTH100
    for folder in (top, *top.parents):
        path = folder / MANIFEST_NAME
        if path.is_file():
            return _parse(path)
    return None


def _parse(path: Path) -> Manifest | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("what") != _WHAT:
        return None
    layout, recipe = value.get("layout"), value.get("recipe")
    seed, sha256 = value.get("seed"), value.get("sha256")
    if (
        not (isinstance(layout, str) and _WORD.fullmatch(layout))
        or not (isinstance(recipe, str) and _WORD.fullmatch(recipe))
        or not (type(seed) is int and 0 <= seed < 2**32)
        or not isinstance(sha256, dict)
        or not all(isinstance(d, str) and _DIGEST.fullmatch(d) for d in sha256.values())
    ):
        return None
    return Manifest(
        folder=path.parent, layout=layout, recipe=recipe, seed=seed, sha256=sha256
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
