"""How annotations in free text are read: what labels and columns mean."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bgb_fixtures.errors import SpecError, shorten

if TYPE_CHECKING:
    from bgb_fixtures.request.table import Table

__all__ = ["NO_RULES", "RULE_KEYS", "AnnotationRules", "parse_rules", "rules_to_json"]

_MOST_CHARACTERS = 1024
_WITH_FREE_TEXT = ("bids", "edf")
"""Sources whose labels are whatever somebody typed; the others have lists of labels."""


def _matches(pattern: str | None, label: str) -> bool:
    return pattern is not None and _compiled(pattern).fullmatch(label) is not None


@lru_cache(maxsize=16)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile without a warning about what a later Python may read differently."""
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
    problem = f"{key}: expected a regular expression, got {pattern!r}"
    raise SpecError(shorten(problem, most=1500))


def _check_texts(key: str, texts: object) -> None:
    if (
        not isinstance(texts, tuple)
        or not all(isinstance(t, str) and 0 < len(t) <= _MOST_CHARACTERS for t in texts)
        or len(set(texts)) < len(texts)
    ):
        problem = f"{key}: expected a list of different texts, got {texts!r}"
        raise SpecError(shorten(problem))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationRules:
    """What the author of a request says about annotations, valid when made.

    Attributes
    ----------
    label_pattern : str or None
        Regular expression that matches the whole of each label that is a seizure.
    background_pattern : str or None
        Likewise of labels that say that there is none; a label that matches both is a
        seizure.
    ignore_labels : tuple of str
        Labels whose rows are skipped, as if they were not in the file.
    """

    label_pattern: str | None = None
    background_pattern: str | None = None
    ignore_labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("label_pattern", "background_pattern"):
            pattern = getattr(self, key)
            if pattern is not None:
                _check_pattern(key, pattern)
        _check_texts("ignore_labels", self.ignore_labels)

    def is_seizure(self, label: str) -> bool:
        """Say whether the author declares a label to be a seizure."""
        return _matches(self.label_pattern, label)

    def is_background(self, label: str) -> bool:
        """Say whether the author declares a label to be none."""
        return _matches(self.background_pattern, label)

    def check_source(self, source: str) -> None:
        """Raise SpecError if a rule is not for this source."""
        given = [field.name for field in fields(self) if getattr(self, field.name)]
        if given and source not in _WITH_FREE_TEXT:
            msg = (
                f"{given[0]}: expected none, as only sources 'bids' and 'edf' have "
                f"labels of their own, got {getattr(self, given[0])!r}; drop it for "
                f"source {source!r}"
            )
            raise SpecError(shorten(msg))


NO_RULES = AnnotationRules()
RULE_KEYS = tuple(field.name for field in fields(AnnotationRules))
"""The keys of a spec that are rules."""


def parse_rules(table: Table) -> AnnotationRules:
    """Take the rules from the table of a spec; messages do not name the spec."""
    given: dict[str, Any] = {}
    for key in RULE_KEYS:
        if key in table.names():
            value = table.take(key)
            given[key] = tuple(value) if isinstance(value, list) else value
    return AnnotationRules(**given)


def rules_to_json(rules: AnnotationRules) -> dict[str, Any]:
    """Return the rules that are not the default, as keys of a spec."""
    value: dict[str, Any] = {}
    for key in RULE_KEYS:
        rule = getattr(rules, key)
        if rule not in (None, ()):
            value[key] = list(rule) if isinstance(rule, tuple) else rule
    return value
