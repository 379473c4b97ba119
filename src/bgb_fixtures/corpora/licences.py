"""Licences stated by data sets, or by users for their own data.

Invariant: a fixture is redistributable only under a licence that is known to allow
redistribution.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.recording import Licence
from bgb_fixtures.errors import Key, SpecError

if TYPE_CHECKING:
    from bgb_fixtures.request.recorded import RecordedRequest

__all__ = ["KNOWN_LICENCES", "UNKNOWN_LICENCE", "find_licence", "stated_licence"]

UNKNOWN_LICENCE = Licence(name="unknown", url="", attribution="", redistributable=False)
# Spellings of licences in real data sets -> SPDX name and address. Licences that forbid
# derivative works or commercial use are not in this list: whether they allow a fixture
# to be redistributed is for a person to decide.
_LICENCES = (
    (
        r"CC-?0(?:-1\.0)?|CREATIVE-COMMONS-(?:ZERO|CC0).*|PUBLIC-DOMAIN",
        "CC0-1.0",
        "https://creativecommons.org/publicdomain/zero/1.0/",
    ),
    (
        r"PDDL(?:-1\.0)?",
        "PDDL-1.0",
        "https://opendatacommons.org/licenses/pddl/1-0/",
    ),
    (
        r"CC-BY-4\.0|CREATIVE-COMMONS-ATTRIBUTION-4\.0(?:-INTERNATIONAL)?",
        "CC-BY-4.0",
        "https://creativecommons.org/licenses/by/4.0/",
    ),
    (
        r"CC-BY-SA-4\.0",
        "CC-BY-SA-4.0",
        "https://creativecommons.org/licenses/by-sa/4.0/",
    ),
    (
        r"ODC-?BY(?:-V?1\.0)?|OPEN-DATA-COMMONS-ATTRIBUTION-LICENSE(?:-V?1\.0)?",
        "ODC-By-1.0",
        "https://opendatacommons.org/licenses/by/1-0/",
    ),
    (
        r"ODBL(?:-V?1\.0)?",
        "ODbL-1.0",
        "https://opendatacommons.org/licenses/odbl/1-0/",
    ),
)


KNOWN_LICENCES = ", ".join(name for _, name, _ in _LICENCES)


def find_licence(stated: str) -> Licence | None:
    """Return the licence that allows redistribution under this usual name, or None."""
    key = re.sub(r"[\s_-]+", "-", stated.strip()).upper()
    for pattern, name, url in _LICENCES:
        if re.fullmatch(pattern, key):
            return Licence(name=name, url=url, attribution="", redistributable=True)
    return None


def stated_licence(request: RecordedRequest, of_corpus: Licence) -> Licence:
    """Return the licence of a corpus, or the one that a request states for its data.

    SpecError if the data set itself states another licence.
    """
    licence = of_corpus
    if request.licence is not None:
        stated = find_licence(request.licence) or replace(
            UNKNOWN_LICENCE, name=request.licence
        )
        if of_corpus.name not in (UNKNOWN_LICENCE.name, stated.name):
            msg = (
                f": expected {of_corpus.name!r}, which the data set itself states, got "
                f"{request.licence!r}; drop it"
            )
            raise SpecError(Key("licence"), msg)
        licence = replace(stated, attribution=of_corpus.attribution)
    if request.attribution is not None:
        licence = replace(licence, attribution=request.attribution)
    return licence
