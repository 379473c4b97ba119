"""Does a classifier carry over between synthetic and real EEG, and can it tell them apart?

Two kinds of classifier, gradient boosting and logistic regression; patients are left out
as a whole, real ones and synthetic ones alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from measures.hardness import area_under_curve

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from measures.epochs import Epochs

    Array = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

__all__ = ["CLASSIFIERS", "feature_gaps", "onset_changes", "tell_apart", "transfer"]


def _boosting() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=80,
        max_leaf_nodes=8,
        min_samples_leaf=10,
        class_weight="balanced",
        early_stopping=False,
        random_state=0,
    )


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        StandardScaler(),
        LogisticRegression(C=0.05, max_iter=1000, class_weight="balanced"),
    )


CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "boosting": _boosting,
    "logistic": _logistic,
}


def _scores(kind: str, known: Array, labels: Mask, asked: Array) -> Array:
    scores: Array = CLASSIFIERS[kind]().fit(known, labels).predict_proba(asked)[:, 1]
    return scores


def transfer(
    synthetic: Epochs, real: Epochs, *, scale_free: bool
) -> dict[str, dict[str, float]]:
    """Train on one, try on the other: area under the curve by row and classifier.

    Without features of amplitude if `scale_free`. The ceiling is what a classifier that
    was trained on all other real patients reaches on the one that was left out.
    """
    use = real.scale_free if scale_free else np.ones(len(real.names), bool)
    ours, theirs = synthetic.features[:, use], real.features[:, use]
    patients = np.unique(real.subjects)
    found: dict[str, dict[str, float]] = {}

    def note(row: str, kind: str, area: float) -> None:
        found.setdefault(row, {})[kind] = area

    for kind in CLASSIFIERS:
        ceilings = []
        for patient in patients:
            own = real.subjects == patient
            scores = _scores(kind, theirs[~own], real.ictal[~own], theirs[own])
            ceilings.append(area_under_curve(scores, real.ictal[own]))
        note("real to another patient", kind, float(np.mean(ceilings)))
        scores = _scores(kind, ours, synthetic.ictal, theirs)
        note("synthetic to real", kind, area_under_curve(scores, real.ictal))
        for patient in patients:
            own = real.subjects == patient
            area = area_under_curve(scores[own], real.ictal[own])
            note(f"synthetic to {patient}", kind, area)
        scores = _scores(kind, theirs, real.ictal, ours)
        note("real to synthetic", kind, area_under_curve(scores, synthetic.ictal))
    return found


def tell_apart(
    synthetic: Epochs, real: Epochs, *, ictal: bool
) -> dict[str, dict[str, float]]:
    """Tell real from synthetic epochs without amplitudes: area by row and classifier.

    For each real patient in turn: trained on the others and one half of the synthetic
    subjects, tried on that patient and the other half.
    """
    use = real.scale_free
    here, there = synthetic.ictal == ictal, real.ictal == ictal
    ours, theirs = synthetic.features[here][:, use], real.features[there][:, use]
    subjects, patients = synthetic.subjects[here], real.subjects[there]
    half = np.isin(subjects, np.unique(subjects)[::2])
    found: dict[str, dict[str, float]] = {}
    for kind in CLASSIFIERS:
        areas = []
        for i, patient in enumerate(np.unique(patients)):
            own, first = patients == patient, half == bool(i % 2)
            known = np.vstack([ours[first], theirs[~own]])
            is_real = np.arange(len(known)) >= first.sum()
            asked = np.vstack([ours[~first], theirs[own]])
            scores = _scores(kind, known, is_real, asked)
            area = area_under_curve(scores, np.arange(len(asked)) >= (~first).sum())
            found.setdefault(f"without {patient}", {})[kind] = area
            areas.append(area)
        found.setdefault("mean", {})[kind] = float(np.mean(areas))
    return {"mean": found.pop("mean"), **found}


def feature_gaps(
    synthetic: Epochs, real: Epochs, *, ictal: bool
) -> list[tuple[float, str, Array, Array]]:
    """Return what gives the synthetic EEG away, the worst feature first.

    (gap, name, quantiles of real, quantiles of synthetic): 10, 50 and 90 %. The gap is
    the area under the curve beyond 0.5 of the patient in which it is smallest; a feature
    that is too large in one and too small in another has none.
    """
    here, there = synthetic.ictal == ictal, real.ictal == ictal
    rows = []
    for i, name in enumerate(real.names):
        ours = synthetic.features[here, i]
        gaps = []
        for patient in np.unique(real.subjects):
            theirs = real.features[there & (real.subjects == patient), i]
            is_real = np.arange(len(ours) + len(theirs)) >= len(ours)
            gaps.append(area_under_curve(np.concatenate([ours, theirs]), is_real) - 0.5)
        gap = min(map(abs, gaps)) if len({gap > 0 for gap in gaps}) == 1 else 0.0
        quantiles = [
            np.quantile(x, (0.1, 0.5, 0.9)) for x in (real.features[there, i], ours)
        ]
        rows.append((gap, name, *quantiles))
    return sorted(rows, key=lambda row: -row[0])


def onset_changes(epochs: Epochs) -> dict[str, float]:
    """Return by feature the chance that an ictal epoch is above one of the background."""
    return {
        name: area_under_curve(epochs.features[:, i], epochs.ictal)
        for i, name in enumerate(epochs.names)
    }
