"""How hard the seizures are to find: single features, untrained networks, a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from measures.signals import correlate, power_spectrum, spectral_entropy
from measures.windows import EPOCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from measures.windows import Window

    Array = npt.NDArray[np.float64]

FALSE_ALARMS = 0.05


def area_under_curve(scores: npt.ArrayLike, ictal: npt.ArrayLike) -> float:
    """Return the chance that an ictal epoch scores above a background epoch.

    Area under the ROC curve, ties counted half (Mann and Whitney 1947); nan if there is
    only one class.
    """
    scores, ictal = np.asarray(scores, float), np.asarray(ictal, bool)
    n_ictal = int(ictal.sum())
    n_background = len(ictal) - n_ictal
    if not n_ictal or not n_background:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    above = ranks[ictal].sum() - n_ictal * (n_ictal + 1) / 2
    return float(above / (n_ictal * n_background))


def separation(scores: npt.ArrayLike, ictal: npt.ArrayLike) -> float:
    """Return the area under the curve for the sign that serves better, 0.5 to 1."""
    area = area_under_curve(scores, ictal)
    return max(area, 1 - area)


def to_epochs(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Cut (n_channels, n_times) into (n_epochs, n_channels, 512): epochs of 2 s.

    What is left over at the end is dropped.
    """
    n_epochs = data.shape[-1] // EPOCH
    cut = data[:, : n_epochs * EPOCH].reshape(len(data), n_epochs, EPOCH)
    return cut.swapaxes(0, 1)


def epoch_labels(window: Window) -> npt.NDArray[np.bool_]:
    """Return which epochs are ictal: at least half of their samples are."""
    labels: npt.NDArray[np.bool_] = (
        to_epochs(window.ictal[None])[:, 0].mean(axis=1) >= 0.5
    )
    return labels


BANDS_HZ = ((1, 4), (4, 8), (8, 13), (13, 30), (30, 45))


def _epoch_spectra(epochs: Array) -> tuple[Array, Array]:
    freqs, power = power_spectrum(epochs)
    inside = (freqs >= 1) & (freqs <= 45)
    return freqs[inside], power[..., inside]


def single_features(signal: npt.NDArray[np.float32]) -> dict[str, Array]:
    """Return what one number per epoch can say of (n_channels, n_times), by name."""
    epochs = to_epochs(signal).astype(np.float64)
    variance = epochs.var(axis=2)
    freqs, power = _epoch_spectra(epochs)
    total = power.sum(axis=2)
    upper = np.triu_indices(epochs.shape[1], 1)
    slow = freqs <= 8
    return {
        "total power": variance.mean(axis=1),
        "power of the loudest channel": variance.max(axis=1),
        "line length": np.abs(np.diff(epochs)).mean(axis=(1, 2)),
        "largest value": np.abs(epochs).max(axis=(1, 2)),
        "share of 1-8 Hz": (power[..., slow].sum(axis=2) / total).mean(axis=1),
        "centroid frequency": ((power * freqs).sum(axis=2) / total).mean(axis=1),
        "spectral entropy": spectral_entropy(power).mean(axis=1),
        "|correlation| of channels": np.array(
            [np.median(np.abs(correlate(epoch)[upper])) for epoch in epochs]
        ),
    }


def untrained_separations(
    windows: Sequence[Window], *, n_inits: int
) -> dict[str, Array]:
    """Separate epochs by the output of networks that were never trained.

    Returns, by architecture, max(AUC, 1 - AUC) of the mean logit of each epoch, one
    value per random initialisation.
    """
    import torch

    ictal = np.concatenate([epoch_labels(window) for window in windows])
    n_channels = len(windows[0].ready)
    step = 16  # the most that both networks halve the rate by
    inputs = [
        torch.from_numpy(w.ready[:, : w.ready.shape[1] // step * step].copy())
        for w in windows
    ]
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as fast for nets of this size, and no wait for others
    areas = {}
    for name, make in (("TCN", _make_tcn), ("U-Net", _make_unet)):
        found = []
        for seed in range(n_inits):
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                torch.manual_seed(seed)
                model = make(n_channels).eval()
                scores = [
                    to_epochs(model(x[None])[0].double().numpy()).mean(axis=(1, 2))
                    for x in inputs
                ]
            found.append(separation(np.concatenate(scores), ictal))
        areas[name] = np.array(found)
    torch.set_num_threads(n_threads)
    return areas


def _make_tcn(n_channels: int) -> Any:
    """Make a small temporal convolutional network, one logit per sample."""
    from torch import nn

    layers: list[nn.Module] = [nn.Conv1d(n_channels, 16, 7, stride=4, padding=3)]
    for dilation in (1, 2, 4, 8):
        layers += [
            nn.ReLU(),
            nn.Conv1d(16, 16, 5, padding=2 * dilation, dilation=dilation),
        ]
    layers += [nn.ReLU(), nn.Conv1d(16, 1, 1), nn.Upsample(scale_factor=4)]
    return nn.Sequential(*layers)


def _make_unet(n_channels: int) -> Any:
    """Make a small U-Net with two skips, one logit per sample."""
    import torch
    from torch import nn

    def block(n_in: int, n_out: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(
            nn.Conv1d(n_in, n_out, 7, stride=stride, padding=3), nn.ReLU()
        )

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = block(n_channels, 8)
            self.down = block(8, 16, stride=4)
            self.bottom = block(16, 32, stride=4)
            self.grow = nn.Upsample(scale_factor=4)
            self.up = block(32 + 16, 16)
            self.last = block(16 + 8, 8)
            self.head = nn.Conv1d(8, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            fine = self.first(x)
            middle = self.down(fine)
            deep = self.bottom(middle)
            middle = self.up(torch.cat([self.grow(deep), middle], 1))
            out: torch.Tensor = self.head(
                self.last(torch.cat([self.grow(middle), fine], 1))
            )
            return out

    return UNet()


def classifier_features(signal: npt.NDArray[np.float32]) -> Array:
    """Return what the small classifier sees of each epoch, shape (n_epochs, 24).

    Per channel log power in five bands, log line length, spectral entropy and the
    largest share of one line in 2-12 Hz; of these the mean, the mean of the top quarter
    and the standard deviation over channels; averaged with the epochs before and after.
    """
    epochs = to_epochs(signal).astype(np.float64)
    freqs, power = _epoch_spectra(epochs)
    rhythm = (freqs >= 2) & (freqs <= 12)
    columns = [
        np.log(power[..., (freqs >= low) & (freqs < high)].sum(axis=2) + 1e-9)
        for low, high in BANDS_HZ
    ]
    columns += [
        np.log(np.abs(np.diff(epochs)).mean(axis=2) + 1e-9),
        spectral_entropy(power),
        np.log(power[..., rhythm].max(axis=2) / power.sum(axis=2) + 1e-9),
    ]
    per_channel = np.sort(np.stack(columns, axis=2), axis=1)
    top = per_channel[:, -max(1, per_channel.shape[1] // 4) :].mean(axis=1)
    pooled = np.hstack([per_channel.mean(axis=1), top, per_channel.std(axis=1)])
    padded = np.concatenate([pooled[:1], pooled, pooled[-1:]])
    smooth: Array = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return smooth


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the classifier finds in subjects it never saw."""

    seizures: tuple[tuple[str, bool], ...]
    area: float
    false_alarms: float


def leave_subjects_out(windows: Sequence[Window], *, n_folds: int = 10) -> Found:
    """Train on all other subjects, for each tenth of the subjects in turn."""
    subjects = sorted({window.subject for window in windows})
    tested: list[Window] = []
    scores: list[Array] = []
    for fold in range(min(n_folds, len(subjects))):
        held = set(subjects[fold::n_folds])
        test = [window for window in windows if window.subject in held]
        train = [window for window in windows if window.subject not in held]
        tested += test
        scores += _classifier_scores(train, test)
    return _count_found(tested, scores)


def _classifier_scores(train: Sequence[Window], test: Sequence[Window]) -> list[Array]:
    """Score epochs so that the threshold from the training background is 0."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    known = np.vstack([classifier_features(window.ready) for window in train])
    ictal = np.concatenate([epoch_labels(window) for window in train])
    model = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=100 / len(known), max_iter=1000, class_weight="balanced"),
    ).fit(known, ictal)
    background = model.decision_function(known[~ictal])
    threshold = np.quantile(background, 1 - FALSE_ALARMS)
    return [
        model.decision_function(classifier_features(window.ready)) - threshold
        for window in test
    ]


def _count_found(windows: Sequence[Window], scores: Sequence[Array]) -> Found:
    labels = [epoch_labels(window) for window in windows]
    seizures = []
    for window, score in zip(windows, scores, strict=True):
        for label, start, stop in window.events:
            first = min(round(start / EPOCH), len(score) - 1)
            last = max(first + 1, round(stop / EPOCH))
            hit = bool((score[first:last] > 0).mean() > 0.5)
            seizures.append((f"{window.name} {label}", hit))
    pooled, ictal = np.concatenate(scores), np.concatenate(labels)
    return Found(
        seizures=tuple(seizures),
        area=area_under_curve(pooled, ictal),
        false_alarms=float((pooled[~ictal] > 0).mean()),
    )


def louder_background(windows: Sequence[Window]) -> float:
    """Return the share of background epochs that are louder than the quietest seizure.

    By the power of what a model sees; of a seizure, the median of its epochs. nan
    without a seizure that fills an epoch.
    """
    background, seizures = [], []
    for window in windows:
        power = to_epochs(window.ready).astype(np.float64).var(axis=2).mean(axis=1)
        background.append(power[~epoch_labels(window)])
        for _, start, stop in window.events:
            own = power[-(-start // EPOCH) : stop // EPOCH]
            seizures += [float(np.median(own))] if len(own) else []
    if not seizures:
        return float("nan")
    return float((np.concatenate(background) > min(seizures)).mean())


def hardness(windows: Sequence[Window], *, n_inits: int) -> dict[str, float]:
    """Say how hard the seizures of one set of windows are to find.

    `n_inits` is the number of random initialisations of each network.
    """
    ictal = np.concatenate([epoch_labels(window) for window in windows])
    parts = [single_features(window.ready) for window in windows]
    values = {
        f"AUC: {name}": separation(np.concatenate([p[name] for p in parts]), ictal)
        for name in parts[0]
    }
    values["best single feature"] = max(values.values())
    values["background louder than the quietest seizure"] = louder_background(windows)
    areas = untrained_separations(windows, n_inits=n_inits)
    for name, found in areas.items():
        values[f"untrained {name}, median of {n_inits}"] = float(np.median(found))
    values["untrained, median of all"] = float(
        np.median(np.concatenate([*areas.values()]))
    )
    left_out = leave_subjects_out(windows)
    hits = [hit for _, hit in left_out.seizures]
    values["classifier, other subjects: AUC"] = left_out.area
    values["classifier: share of seizures found"] = float(np.mean(hits))
    values["classifier: share of false alarms"] = left_out.false_alarms
    return values


AIMS: dict[str, tuple[float, float]] = {
    "best single feature": (0.5, 0.9),
    "background louder than the quietest seizure": (0.01, 1.0),
    "untrained, median of all": (0.5, 0.72),
    "classifier, other subjects: AUC": (0.8, 1.0),
    "classifier: share of seizures found": (0.51, 1.0),
    "classifier: share of false alarms": (0.0, 0.15),
}
"""What the default fixture has to reach, by name of a value of `hardness`."""
