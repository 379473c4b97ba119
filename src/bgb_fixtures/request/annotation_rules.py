"""Rules for free-text annotations: the meaning of labels and columns."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bgb_fixtures.errors import Key, SpecError, shorten

if TYPE_CHECKING:
    from bgb_fixtures.request.table import Table

__all__ = [
    "NO_RULES",
    "ROLES",
    "RULE_KEYS",
    "AnnotationRules",
    "parse_rules",
    "rules_to_json",
]

ROLES = ("start", "end", "duration", "label", "file")
"""Roles of table columns: three in seconds, a label, and a recording."""
_MOST_CHARACTERS = 1024
_MOST_EXPERTS = 100
_OF_TABLES = {"decimal", "per_second"}
"""Rules that apply only to non-standard tables."""
_WITH_FREE_TEXT = ("bids", "edf")
"""Sources whose labels are free text; the others have fixed vocabularies."""


def _matches(pattern: str | None, label: str) -> bool:
    return pattern is not None and _compiled(pattern).fullmatch(label) is not None


@lru_cache(maxsize=16)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern without warnings about syntax that may change in Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(pattern)


def _check_pattern(key: str, pattern: object) -> None:
    if isinstance(pattern, str) and len(pattern) <= _MOST_CHARACTERS:
        try:
            _compiled(pattern)
        except (re.error, OverflowError, RecursionError):
            pass
        else:
            return
    problem = f": expected a regular expression, got {pattern!r}"
    raise SpecError(Key(key), shorten(problem, most=1500))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MOST_CHARACTERS


def _check_columns(columns: object) -> None:
    is_table = isinstance(columns, tuple) and all(
        isinstance(pair, tuple) and all(map(_is_text, pair)) for pair in columns
    )
    given = dict(columns) if is_table and isinstance(columns, tuple) else {}
    unknown = sorted(given.keys() - set(ROLES))
    if not is_table or unknown or len(set(given.values())) < len(given):
        roles = ", ".join(ROLES)
        problem = (
            f": expected the names of different columns for some of {roles}, such as "
            f"start=Beginn,end=Ende,label=Ereignis, got {unknown or columns!r}"
        )
        raise SpecError(Key("columns"), shorten(problem))


def _check_texts(key: str, texts: object) -> None:
    if (
        not isinstance(texts, tuple)
        or not all(map(_is_text, texts))
        or len(set(texts)) < len(texts)
    ):
        problem = f": expected a list of different texts, got {texts!r}"
        raise SpecError(Key(key), shorten(problem))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationRules:
    """A user's rules for reading annotations, validated on creation.

    Attributes
    ----------
    label_pattern : str or None
        Regular expression that fully matches each label that is a seizure.
    background_pattern : str or None
        Regular expression that fully matches labels that mean no seizure. A label that
        matches both patterns is a seizure.
    ignore_labels : tuple of str
        Labels whose rows are skipped, as if they were not in the file.
    start_label, end_label : str or None
        Labels of the two marks around a seizure.
    columns : tuple of tuple of str
        (role, name) of columns of tables, by the roles in `ROLES`.
    decimal : str or None
        Decimal mark of tables, ``"."`` or ``","``; None: inferred from the numbers.
    per_second : str, int or None
        For tables with a column of 0 and 1 per recording and a row per second: the name
        of the expert whose table to use, or how many tables must agree.
    """

    label_pattern: str | None = None
    background_pattern: str | None = None
    ignore_labels: tuple[str, ...] = ()
    start_label: str | None = None
    end_label: str | None = None
    columns: tuple[tuple[str, str], ...] = ()
    decimal: str | None = None
    per_second: str | int | None = None

    def __post_init__(self) -> None:
        for key in ("label_pattern", "background_pattern"):
            pattern = getattr(self, key)
            if pattern is not None:
                _check_pattern(key, pattern)
        _check_texts("ignore_labels", self.ignore_labels)
        self._check_marks()
        _check_columns(self.columns)
        if self.decimal not in (None, ".", ","):
            msg = f": expected '.' or ',', got {self.decimal!r}"
            raise SpecError(Key("decimal"), shorten(msg))
        if self.per_second is not None:
            self._check_per_second()

    def _check_marks(self) -> None:
        marks = {"start_label": self.start_label, "end_label": self.end_label}
        for key, label in marks.items():
            if label is not None and not _is_text(label):
                msg = f": expected a label, got {label!r}"
                raise SpecError(Key(key), shorten(msg))
        if (self.start_label is None) != (self.end_label is None):
            found, other = ("start_label", "end_label")[
                :: 1 if self.start_label else -1
            ]
            msg = ": a seizure lies between two marks"
            raise SpecError(Key(found), " requires ", Key(other), msg)
        if self.start_label is not None and self.start_label == self.end_label:
            msg = f", got {self.end_label!r} for both"
            different = ": expected a label different from "
            raise SpecError(
                Key("end_label"), different, Key("start_label"), shorten(msg)
            )

    def _check_per_second(self) -> None:
        number = self.per_second
        is_number = isinstance(number, int) and not isinstance(number, bool)
        if not (
            _is_text(number) or (is_number and 1 <= int(number or 0) <= _MOST_EXPERTS)
        ):
            msg = (
                ": expected the name of an expert or the number of tables that must "
                f"agree, at least 1, got {number!r}"
            )
            raise SpecError(Key("per_second"), shorten(msg))
        others = [key for key in self.given if key != "per_second"]
        if others:
            msg = ", whose tables have neither labels nor times; drop one"
            keys = Key(others[0]), " cannot be combined with ", Key("per_second")
            raise SpecError(*keys, msg)

    @property
    def given(self) -> tuple[str, ...]:
        """The keys of the rules that are set."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name))

    @property
    def reads_inside(self) -> bool:
        """Whether annotations inside recordings are used, which needs label rules."""
        return self.label_pattern is not None or self.start_label is not None

    def is_seizure(self, label: str) -> bool:
        """Say whether a rule declares a label to be a seizure."""
        return _matches(self.label_pattern, label)

    def is_background(self, label: str) -> bool:
        """Say whether a rule declares a label to be background."""
        return _matches(self.background_pattern, label)

    def check_source(self, source: str) -> None:
        """Raise SpecError if a rule does not apply to this source."""
        if source == "edf":
            return
        allowed = set(RULE_KEYS) - _OF_TABLES if source in _WITH_FREE_TEXT else set()
        wrong = [key for key in self.given if key not in allowed]
        if wrong:
            only = "edf" if wrong[0] in _OF_TABLES else "edf and bids"
            msg = f" {only} only; drop it"
            raise SpecError(Key(wrong[0]), " applies to ", Key("source"), msg)
        if source == "bids" and "file" in dict(self.columns):
            msg = ": BIDS names its files itself; drop the role file"
            raise SpecError(Key("columns"), msg)


NO_RULES = AnnotationRules()
RULE_KEYS = tuple(field.name for field in fields(AnnotationRules))
"""The keys of a spec that define rules."""


def parse_rules(table: Table) -> AnnotationRules:
    """Take the rules from the table of a spec; error messages do not name the spec."""
    given: dict[str, Any] = {}
    for key in RULE_KEYS:
        if key in table.names():
            value = table.take(key)
            if isinstance(value, dict):
                value = tuple(sorted(value.items()))
            given[key] = tuple(value) if isinstance(value, list) else value
    return AnnotationRules(**given)


def rules_to_json(rules: AnnotationRules) -> dict[str, Any]:
    """Return the rules that are not the default, as keys of a spec."""
    value: dict[str, Any] = {}
    for key in RULE_KEYS:
        rule = getattr(rules, key)
        if rule not in (None, ()):
            as_list = list(rule) if isinstance(rule, tuple) else rule
            value[key] = dict(rule) if key == "columns" else as_list
    return value
