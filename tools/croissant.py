"""Write the Croissant description of the packaged fixtures: files, digests, windows.

Usage: ``python tools/croissant.py [--check] [FILE]``. With --check, nothing is changed,
and the exit code is 1 if the description is stale. ``mlcroissant validate`` accepts it.
Format: Croissant 1.0, https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bgb_fixtures
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.staging import new_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bgb_fixtures.fixture import Fixture

TARGET = Path(__file__).parents[1] / "fixtures" / "croissant.json"
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_FIELDS = {
    "id": "name of the window",
    "split": "train, dev or eval",
    "subject": "pseudonym of the subject",
    "kind": "onset, offset, whole, ictal, background or artefact",
    "category": "partial, full or none: how much of the window is ictal",
}


def describe() -> dict[str, Any]:
    """Return the description as JSON-LD."""
    with load_fixture("smoke") as smoke, load_fixture("tiny") as tiny:
        licence = smoke.records.licence
        return {
            "@context": _CONTEXT,
            "@type": "sc:Dataset",
            "name": "bgb-fixtures",
            "description": "Synthetic EEG windows with and without a seizure, a label per "
            "sample, for the tests of seizure detectors.",
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "license": licence["url"],
            "url": "https://pypi.org/project/bgb-fixtures/",
            "version": bgb_fixtures.__version__,
            "creator": {"@type": "Organization", "name": "The bgb-fixtures authors"},
            "citeAs": "bgb-fixtures: known-positive EEG for the tests of seizure "
            f"detectors, version {bgb_fixtures.__version__}",
            "datePublished": _released(),
            "distribution": [_file(smoke), _file(tiny)],
            "recordSet": [_windows(smoke), _windows(tiny)],
        }


def _released() -> str:
    text = (TARGET.parents[1] / "CITATION.cff").read_text(encoding="utf-8")
    found = re.search(r'^date-released: "(.*)"$', text, re.MULTILINE)
    assert found is not None
    return found[1]


def _file(fixture: Fixture) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": fixture.path.name,
        "name": fixture.path.name,
        "description": f"{len(fixture.windows)} windows of "
        f"{fixture.signals.shape[2] / fixture.sfreq:g} s",
        "contentUrl": fixture.path.name,
        "contentSize": f"{fixture.path.stat().st_size} B",
        "encodingFormat": "application/x-hdf5",
        "sha256": hashlib.sha256(fixture.path.read_bytes()).hexdigest(),
    }


def _windows(fixture: Fixture) -> dict[str, Any]:
    name = f"windows-of-{fixture.path.stem}"
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"What each row of the arrays of {fixture.path.name} is.",
        "key": {"@id": f"{name}/id"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{field}",
                "name": f"{name}/{field}",
                "description": text,
                "dataType": "sc:Text",
            }
            for field, text in _FIELDS.items()
        ],
        "data": [
            {f"{name}/{field}": getattr(window, field) for field in _FIELDS}
            for window in fixture.windows
        ],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Write the description, or report whether it is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=TARGET)
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args(argv)
    text = json.dumps(describe(), indent=2) + "\n"
    if options.check:
        stale = not options.file.exists() or options.file.read_text("utf-8") != text
        print(f"{options.file}: {'stale' if stale else 'up to date'}")
        return int(stale)
    with new_file(options.file) as draft:
        draft.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
