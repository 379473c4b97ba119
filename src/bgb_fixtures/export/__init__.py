"""Write a fixture in the layout that another program reads.

Invariant: the same fixture gives the same bytes of every file; an export is written
completely, to a folder of its own, or not at all; it states what it is, its source and
its licence; what a layout cannot hold truthfully is rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.bids import export as bids
from bgb_fixtures.corpora.tusz import export as tusz
from bgb_fixtures.errors import SpecError
from bgb_fixtures.export import brain_go_brr, edf, npz, safetensors
from bgb_fixtures.fixture import Fixture, load_fixture
from bgb_fixtures.staging import check_new_folder, new_folder

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["LAYOUTS", "NOTICE_NAME", "ExportReport", "export_fixture"]

LAYOUTS = {
    "brain-go-brr": brain_go_brr.LAYOUT,
    "brain-go-brr-3": brain_go_brr.LAYOUT_3,
    "tusz": tusz.LAYOUT,
    "edf": edf.LAYOUT,
    "bids": bids.LAYOUT,
    "npz": npz.LAYOUT,
    "safetensors": safetensors.LAYOUT,
}
"""Name of a layout -> the layout."""

NOTICE_NAME = "DO-NOT-REDISTRIBUTE.txt"
"""File in an export of data that must not be passed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """Summary of what was written.

    Attributes
    ----------
    path : pathlib.Path
        The folder.
    layout : str
        A key of `LAYOUTS`.
    n_windows : int
        Windows exported.
    redistributable : bool
        Whether the licence lets the folder be passed on.
    """

    path: Path
    layout: str
    n_windows: int
    redistributable: bool


def export_fixture(
    source: str | os.PathLike[str] | Fixture | None,
    layout: str,
    out: str | os.PathLike[str],
    *,
    local_use: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ExportReport:
    """Write the windows of a fixture in another layout.

    Parameters
    ----------
    source : str, path, Fixture or None
        As for `load_fixture`, or a loaded fixture or a selection of one.
    layout : str
        ``"brain-go-brr"``: the cache of brain-go-brr-v2 4.x, memory-mapped npy files;
        ``"brain-go-brr-3"``: the npz cache of 3.x; ``"tusz"``: EDF files and
        annotations; ``"edf"``: one EDF+C file per window; ``"bids"``: a BIDS-EEG data
        set with SzCORE events; ``"npz"`` or ``"safetensors"``: one file.
    out : str or path
        Folder to create; it may exist if it is empty.
    local_use : bool
        Required for a fixture that is not redistributable. The export must stay on this
        machine, and states this.
    progress : callable or None
        Called with (windows done, windows in total), first with 0 done.

    Returns
    -------
    report : ExportReport
        What was written.

    Raises
    ------
    SpecError
        If the layout is unknown, the fixture does not fit it, or the fixture may not be
        redistributed and `local_use` is false.
    TargetError
        If the folder is not empty or cannot be written. Nothing is left behind.
    MissingPackageError
        If edfio is not installed (layouts ``"tusz"``, ``"edf"``, ``"bids"``).
    FixtureError
        If the fixture cannot be loaded.

    Examples
    --------
    >>> from bgb_fixtures.export import export_fixture
    >>> export_fixture("smoke", "npz", "smoke-npz").n_windows
    18
    """
    if layout not in LAYOUTS:
        known = ", ".join(repr(name) for name in LAYOUTS)
        msg = f"unknown layout {layout!r}; layouts: {known}"
        raise SpecError(msg)
    form = LAYOUTS[layout]
    fixture = source if isinstance(source, Fixture) else load_fixture(source)
    where = repr(str(fixture.path))
    redistributable = bool(fixture.records.licence["redistributable"])
    if not redistributable and not local_use:
        name = fixture.records.licence["name"]
        own = ". The licence of your own data is stated with build --licence"
        msg = (
            f"fixture {where} is not redistributable (licence {name!r}), and an export "
            "is easily passed on. To write it for this machine only, add --local-use (in "
            "Python local_use=True)"
            f"{own * (name == 'unknown')}"
        )
        raise SpecError(msg)
    problems = form.problems(fixture)
    if problems:
        msg = f"fixture {where} does not fit layout {layout!r}:"
        raise SpecError("\n  ".join((msg, *problems)))
    path = check_new_folder(out)
    n_windows = len(fixture)

    def done(n_done: int) -> None:
        if progress is not None:
            progress(n_done, n_windows)

    with new_folder(path) as folder:
        done(0)
        notes = form.write(fixture, folder, done)
        readme = _readme(fixture, layout) + notes
        (folder / "README.md").write_bytes(readme.encode("ascii"))
        if not redistributable:
            notice = _notice(fixture)
            (folder / NOTICE_NAME).write_bytes(notice.encode("ascii"))
    return ExportReport(
        path=path,
        layout=layout,
        n_windows=n_windows,
        redistributable=redistributable,
    )


def _readme(fixture: Fixture, layout: str) -> str:
    """Return the README, which has all that users need; no version, path or date."""
    index, records = fixture.index, fixture.records
    licence = records.licence
    n_windows, n_channels, n_times = fixture.signals.shape
    in_file = index.arrays["signals"].shape[0]
    selected = f" of its {in_file}" if n_windows < in_file else ""
    cite = "".join(f"- {line}\n" for line in licence["attribution"].splitlines())
    synthetic = (
        "\nThe EEG is synthetic: nobody was recorded, and no claim about the performance "
        "of a\ndetector on patients may be drawn from it.\n"
        if records.is_synthetic
        else ""
    )
    return f"""\
# Fixture {index.name} in another layout: {LAYOUTS[layout].title}

Made by `bgb-fixtures export FIXTURE --to {layout} DIR`; the same fixture gives the same
bytes.
{synthetic}
- fixture: {index.name}, content version {index.content_version}
- digest: {index.digest}
- windows: {n_windows}{selected}, of {n_channels} channels and {n_times / index.sfreq:g} s at \
{index.sfreq:g} Hz
- profile: {records.profile["name"]}; montage: {records.montage}

## Licence

{"" if licence["redistributable"] else f"**Not redistributable: see {NOTICE_NAME}.** "}\
{licence["name"]}, {licence["url"]}. Changes: {licence["changes"]}; written in this layout.
{cite}
"""


def _notice(fixture: Fixture) -> str:
    licence = fixture.records.licence
    return f"""\
DO NOT REDISTRIBUTE

The data in this folder comes from fixture {fixture.index.name},
digest {fixture.index.digest}.
Its licence ({licence["name"]}, {licence["url"]})
does not let it be passed on. It was exported for use on this machine: do not publish it,
do not commit it, do not copy it into a container image or a cache that others read.

{licence["attribution"]}
"""
