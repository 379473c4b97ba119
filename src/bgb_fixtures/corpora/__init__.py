"""Corpora of recordings: one subpackage per corpus, which reads it and writes its twin.

Invariant: finding recordings reads annotations only. A signal file is read when it is
opened, and then only its header and the data records that are needed. (Annotations
inside a recording, as in EDF+, are read without the rest of the file.)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.errors import Key, SpecError, suggest
from bgb_fixtures.request.annotation_rules import NO_RULES

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Sequence

    from bgb_fixtures.corpora.corpus import Corpus
    from bgb_fixtures.corpora.places import CorpusPath
    from bgb_fixtures.corpora.remote.web import WebPath
    from bgb_fixtures.request.annotation_rules import AnnotationRules

__all__ = ["CORPUS_NAMES", "open_corpus", "open_root"]

CORPUS_NAMES = ("bids", "chbmit", "edf", "siena", "tusz")
"""Names of the sources of recordings in files, as in a spec."""


def open_corpus(
    name: str,
    root: str | os.PathLike[str] | WebPath,
    *,
    splits: Sequence[str] = (),
    annotations: str | os.PathLike[str] | None = None,
    rules: AnnotationRules = NO_RULES,
    dev_subjects: Collection[str] = (),
) -> Corpus:
    """Open a corpus by its name in `CORPUS_NAMES`, reading only file names.

    `root` is its folder, a subfolder, or one recording; for some corpora also a web
    address. Without `splits`, all are used except ``eval``, which is kept blind.
    `rules` define how free-text annotations are read; recordings of `dev_subjects` are
    in split ``dev``. SpecError if the corpus or an option is unknown, SourceError if
    `root` does not contain the corpus, FetchError if a web request fails.
    """
    if name in CORPUS_NAMES:
        rules.check_source(name)
    if name == "edf":
        from bgb_fixtures.corpora.plain.corpus import PlainCorpus

        return PlainCorpus(
            root,
            splits=splits,
            annotations=None if annotations is None else Path(annotations),
            rules=rules,
            dev_subjects=dev_subjects,
        )
    if annotations is not None:
        msg = " edf only; drop it"
        raise SpecError(Key("annotations"), " applies to ", Key("source"), msg)
    return _corpus_class(name)(
        root, splits=splits, rules=rules, dev_subjects=dev_subjects
    )


def open_root(name: str, root: str | os.PathLike[str] | WebPath) -> CorpusPath:
    """Return the root of a corpus to open; for a web address, fetch its list."""
    return _corpus_class(name).open_root(root)


def _corpus_class(name: str) -> type[Corpus]:
    # Only the requested corpus is imported.
    match name:
        case "bids":
            from bgb_fixtures.corpora.bids.corpus import BidsCorpus

            return BidsCorpus
        case "chbmit":
            from bgb_fixtures.corpora.chbmit.corpus import ChbmitCorpus

            return ChbmitCorpus
        case "edf":
            from bgb_fixtures.corpora.plain.corpus import PlainCorpus

            return PlainCorpus
        case "siena":
            from bgb_fixtures.corpora.siena.corpus import SienaCorpus

            return SienaCorpus
        case "tusz":
            from bgb_fixtures.corpora.tusz.corpus import TuszCorpus

            return TuszCorpus
    hint = suggest(name.lower(), CORPUS_NAMES)
    known = ", ".join(map(repr, CORPUS_NAMES))
    msg = f"unknown source {name!r}{hint} Sources of recordings in files: {known}"
    raise SpecError(msg)
