"""Run the smoke checks on published detectors and print a table of the findings.

Usage: ``python tools/published_detectors.py [--out FILE] [--only WORD] [MODULE:NAME ...]``.
Without import paths, it runs every classification model of the installed braindecode
that takes windows of EEG, with two outputs. Every failed check is explained in
`FINDINGS` or marked in the table as new; the exit code is 1 if one is new.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import warnings
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import torch

from bgb_fixtures.errors import MissingPackageError
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.smoke import run_smoke
from bgb_fixtures.smoke.loading import find_factory, import_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bgb_fixtures.smoke import SmokeReport


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How to make a model, and its input: rate in Hz, length in seconds."""

    sfreq: int = 256
    length: float = 10.0
    options: dict[str, Any] = field(default_factory=dict)
    why_not: str = ""
    """Why the model is not run; empty if it is."""


class NamedChannels(torch.nn.Module):
    """A model whose forward requires the names of the channels."""

    def __init__(self, model: torch.nn.Module, ch_names: list[str]) -> None:
        super().__init__()
        self.model = model
        self.ch_names = ch_names

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, n_channels, n_times) to logits."""
        logits: torch.Tensor = self.model(signals, ch_names=self.ch_names)
        return logits


# The defaults are 256 Hz and 10 s; listed are models that require other values.
SETTINGS = {
    "AttnSleep": Setting(why_not="takes one channel"),
    "BrainModule": Setting(length=4),
    "CBraMod": Setting(sfreq=200),
    "CodeBrain": Setting(sfreq=200),
    "DeepSleepNet": Setting(sfreq=100, length=6),
    "EEGInceptionMI": Setting(length=4),
    "EEGPT": Setting(length=4),
    "LUNA": Setting(sfreq=200),
    "Labram": Setting(sfreq=200),
    "REVE": Setting(why_not="downloads the positions of electrodes"),
    "STEEGFormer": Setting(sfreq=128, length=6),
    "SignalJEPA_Contextual": Setting(sfreq=128, length=4),
    "SleepStagerBlanco2020": Setting(options={"n_groups": 1}),
    "TIDNet": Setting(length=4),
    "USleep": Setting(sfreq=128, length=30),
    "ZUNA": Setting(length=5),
}
# A model that requires other channels has a variant that interpolates them.
VARIANTS = {"BENDR": "InterpolatedBENDR"}
_FILTERS = "the filters are constants, kept as frozen parameters instead of buffers"
_TOKEN = "the mask token of pretraining is a frozen parameter"
FINDINGS = {
    ("CBraMod", "gradients"): _TOKEN,
    ("CodeBrain", "gradients"): f"{_TOKEN}, and kernels for windows longer than 10 s "
    "are not used",
    (
        "DeepSleepNet",
        "gradients",
    ): "the LSTM gets sequences of one step, so its recurrent weights are not used",
    ("EEGMiner", "gradients"): "shape and delay of the filters are frozen by default",
    ("FBCNet", "gradients"): _FILTERS,
    ("FBLightConvNet", "gradients"): _FILTERS,
    ("FBMSNet", "gradients"): _FILTERS,
    ("IFNet", "gradients"): _FILTERS,
    (
        "LUNA",
        "gradients",
    ): "mask token, temperature and rotary frequencies are constants, "
    "kept as frozen parameters",
    ("MSVTNet", "gradients"): "the auxiliary heads are used only if their output is "
    "requested",
    ("SSTDPN", "gradients"): "the second prototypes are for a loss of their own",
    ("STEEGFormer", "gradients"): "the last norm is not used, a second one takes its "
    "place",
    (
        "STEEGFormer",
        "channels",
    ): "as called here, another order of the channels changes "
    "nothing (3e-15 standard deviations in float64): they have no embedding of their own",
    ("SleepStagerBlanco2020", "windows"): "with the weights of seed 0 the ReLUs before "
    "the last pooling are all off, and the output is its bias; with seeds 1 to 3 it "
    "responds",
    ("SignalJEPA_Contextual", "gradients"): "the decoder of pretraining is not used",
}
"""(Model, check) -> the confirmed cause of the failure in the model."""

MODERN = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}


@cache
def cut_windows(length: float, sfreq: int) -> Fixture:
    """Return the packaged fixture in windows of `length` seconds at `sfreq` Hz."""
    return load_fixture().adapt(window_length=length, sfreq=sfreq)


@cache
def channel_infos() -> tuple[list[str], list[Any]]:
    """Return the current names of the 10-20 electrodes, and their MNE channel infos."""
    import mne

    names = [MODERN.get(name, name) for name in load_fixture().ch_names]
    info = mne.create_info(names, 256.0, "eeg", verbose="ERROR")
    info.set_montage("standard_1020")
    return names, info["chs"]


def make_braindecode(name: str, setting: Setting) -> torch.nn.Module:
    """Make a braindecode model for 19 channels and two classes."""
    import braindecode.models

    make = getattr(braindecode.models, VARIANTS.get(name, name))
    ch_names, infos = channel_infos()
    known = {
        "n_chans": len(ch_names),
        "n_outputs": 2,
        "n_times": round(setting.length * setting.sfreq),
        "sfreq": float(setting.sfreq),
        "chs_info": infos,
    }
    parameters = inspect.signature(make).parameters
    arguments = {key: value for key, value in known.items() if key in parameters}
    model: torch.nn.Module = make(**arguments, **setting.options)
    if "ch_names" in inspect.signature(model.forward).parameters:
        return NamedChannels(model, ch_names)
    return model


def braindecode_models() -> Iterator[tuple[str, Setting, Callable[[], Any]]]:
    """Yield name, setting and factory of each classification model in braindecode."""
    from braindecode.models import util

    for name in sorted(set(util.models_dict) - set(util.non_classification_models)):
        setting = SETTINGS.get(name, Setting())
        yield name, setting, partial(make_braindecode, name, setting)


def given_models(
    targets: list[str],
) -> Iterator[tuple[str, Setting, Callable[[], Any]]]:
    """Yield the same for import paths, with the windows of the packaged fixture."""
    for target in targets:
        value = import_object(target)
        yield target, Setting(length=60), find_factory(value, {}) or value


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    shown: str
    verdict: str
    findings: str
    skipped: str
    seconds: str
    is_new: bool = False

    def __str__(self) -> str:
        cells = (
            self.name, self.shown, self.verdict, self.findings, self.skipped, self.seconds,
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


def run_model(name: str, setting: Setting, make: Callable[[], Any]) -> Row:
    """Run the checks on one model and describe the findings."""
    if setting.why_not:
        return Row(
            name=name,
            shown="-",
            verdict="not run",
            findings=setting.why_not,
            skipped="",
            seconds="",
        )
    wall, processor = perf_counter(), process_time()
    torch.manual_seed(0)
    fixture = cut_windows(setting.length, setting.sfreq)
    try:
        report = run_smoke(make, fixture=fixture)
    except MissingPackageError as error:
        message = str(error).partition(". ")[0]
        return Row(
            name=name,
            shown="-",
            verdict="not run",
            findings=message,
            skipped="",
            seconds="",
        )
    wall, processor = perf_counter() - wall, process_time() - processor
    findings, is_new = word_findings(name, report)
    return Row(
        name=name,
        shown=f"{setting.sfreq} Hz, {setting.length:g} s",
        verdict=report.verdict,
        findings=findings,
        skipped=", ".join(
            check.name
            for check in report.checks
            if check.status == "SKIP" and check.reason.startswith("too slow")
        ),
        seconds=f"{wall:.0f} ({processor:.0f})",
        is_new=is_new,
    )


def word_findings(name: str, report: SmokeReport) -> tuple[str, bool]:
    """Return the findings, and whether some are not yet explained."""
    words, is_new = [], False
    for check in report.failed:
        known = FINDINGS.get((name, check.name))
        is_new |= known is None
        words.append(f"`{check.name}`: {known or f'NEW: {check.reason} {check.place}'}")
    notes = [
        "log-probabilities, as for NLLLoss"
        for check in report.checks
        if check.reason.startswith("log-probabilities")
    ]
    return "; ".join([*words, *notes]).replace("|", "\\|"), is_new


HEADER = """# Smoke checks of published detectors

This table shows the smoke checks of every classification model of braindecode {version} that
takes windows of EEG. The models have random weights, and the packaged fixture was adapted
to the sampling rate and window length that each model is made for. Every failure was
investigated and is a property of the model. Most are harmless if intended; pass
`--allow-frozen` or `--allow-unused PATTERN` to accept them. On two cores, some models are
too slow for some checks, which are then skipped.

`python tools/published_detectors.py --out docs/published-detectors.md` writes this page.
The same script runs on your detectors: `python tools/published_detectors.py
my.models:make_detector`.

| model | windows | verdict | found | too slow for | seconds (processor) |
| --- | --- | --- | --- | --- | --- |"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="MODULE:NAME")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    parser.add_argument("--only", default="", help="models whose name has this in it")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    models = given_models(options.targets) if options.targets else braindecode_models()
    installed = "(not used)" if options.targets else version("braindecode")
    lines = [HEADER.format(version=installed)]
    print(lines[0])
    rows = []
    for name, setting, make in models:
        if options.only in name:
            rows.append(run_model(name, setting, make))
            lines.append(str(rows[-1]))
            print(lines[-1], flush=True)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(1 if any(row.is_new for row in rows) else 0)


if __name__ == "__main__":
    main()
