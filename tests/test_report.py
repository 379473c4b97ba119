"""The report: one page that needs nothing else, says what is there, and can be read."""

from __future__ import annotations

import errno
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib import rc_context

from bgb_fixtures.cli import main
from bgb_fixtures.errors import (
    FixtureNotFoundError,
    MissingPackageError,
    SpecError,
    TargetError,
)
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.report import write_report
from bgb_fixtures.report.plot import REGION_COLOURS, draw_windows
from bgb_fixtures.report.statistics import measure_window
from bgb_fixtures.report.style import COLOUR_PAIRS

if TYPE_CHECKING:
    from collections.abc import Callable

    from bgb_fixtures.format.content import Content

LICENCE = {
    "name": "closed",
    "url": "https://example.org/terms",
    "attribution": "A & B",
    "redistributable": False,
    "changes": "made for a test",
}
# Phone, tablet, desktop: widths in CSS pixels.
WIDTHS = (360, 768, 1440)
HARNESS = """<!DOCTYPE html><title>harness</title>
{frames}
<pre id="answer"></pre>
<script>
window.onload = () => {{
  const answers = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument;
    return {{
      width: page.documentElement.scrollWidth,
      windows: page.querySelectorAll("article").length,
      pictures: [...page.images].filter(i => i.complete && i.naturalWidth > 800).length,
      spectra: [...page.querySelectorAll("svg")].filter(
        s => s.getBoundingClientRect().height > 100).length,
    }};
  }});
  document.getElementById("answer").textContent = JSON.stringify(answers);
}};
</script>
"""


class Elements(HTMLParser):
    """Collect the tags of a page, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def values(self, name: str) -> list[str]:
        """Return the values of an attribute, wherever it is."""
        return [attrs[name] or "" for _, attrs in self.found if name in attrs]


@pytest.fixture(scope="module")
def page(banana_fixture: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the page of four windows of 2 s; Fp1 of w0 has a sine, all else is silent."""
    out = tmp_path_factory.mktemp("page") / "report.html"
    return write_report(banana_fixture, out).path.read_text("utf-8")


@pytest.fixture(scope="module")
def smoke_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page of the packaged fixture."""
    return write_report("smoke", tmp_path_factory.mktemp("smoke") / "smoke.html").path


@pytest.fixture(scope="module")
def small_report(
    small_fixture: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[tuple[int, int]]]:
    """Write the page of the small content; return it, and the progress reported."""
    steps: list[tuple[int, int]] = []
    out = tmp_path_factory.mktemp("small") / "report.html"
    write_report(small_fixture, out, progress=lambda *step: steps.append(step))
    return out, steps


@pytest.fixture
def make_first(make_content: Callable[..., Content]) -> Callable[..., Content]:
    """Make the small content with its first window alone: one picture to draw."""
    content = make_content()
    rows = ("windows", "signals", "labels", "scale", "offset")
    first = {name: getattr(content, name)[:1] for name in rows}
    return functools.partial(make_content, **first)


@pytest.fixture
def closed(make_first: Callable[..., Content], tmp_path: Path) -> Path:
    """Write a fixture that may not be redistributed."""
    return write_fixture(make_first(licence=LICENCE), tmp_path / "closed.h5")


@pytest.fixture
def broken(small_fixture: Path, tmp_path: Path) -> Path:
    """Write a fixture with one wrong bit in its signals."""
    path = tmp_path / "broken.h5"
    data = bytearray(small_fixture.read_bytes())
    with load_fixture(small_fixture) as fixture:
        data[fixture.index.arrays["signals"].offset] ^= 1
    path.write_bytes(data)
    return path


def test_same_fixture_gives_the_same_bytes(
    small_fixture: Path,
    small_report: tuple[Path, list[tuple[int, int]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = small_report[0].read_bytes()
    monkeypatch.chdir(tmp_path)
    # Another folder, another clock, another taste.
    shutil.copy(small_fixture, "small.h5")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with rc_context({"axes.facecolor": "red", "font.size": 20}):
        again = write_report("small.h5", "b.html").path.read_bytes()
    assert again == first


def test_page_has_no_script_and_needs_no_other_file(page: str) -> None:
    elements = Elements(page)
    assert not {tag for tag, _ in elements.found} & {
        "script", "link", "iframe", "object", "embed", "base", "form",
    }  # fmt: skip
    assert all(src.startswith("data:image/png;") for src in elements.values("src"))
    assert elements.values("srcset") == []
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_page_tells_the_browser_to_load_nothing(page: str) -> None:
    (policy,) = [c for c in Elements(page).values("content") if "-src" in c]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_links_go_to_windows_that_are_there_and_to_the_licence(page: str) -> None:
    elements = Elements(page)
    assert elements.values("href") == [
        "https://creativecommons.org/publicdomain/zero/1.0/",
        "#w-w2",
        "#w-w0",
        "#w-w3",
        "#w-w1",
        # From each window back to the table.
        *["#kinds"] * 4,
    ]
    ids = set(elements.values("id"))
    assert {"w-w0", "w-w1", "w-w2", "w-w3", "kinds"} <= ids


def test_alternative_text_says_window_kind_seizures_and_page(page: str) -> None:
    assert Elements(page).values("alt") == [
        (
            "EEG of window w0, kind onset, seizure fnsz 0.5-2 s: traces from 0 to 2 s, "
            "spectrograms of the whole window"
        ),
        (
            "EEG of window w1, kind ictal, seizure fnsz 0-2 s: traces from 0 to 2 s, "
            "spectrograms of the whole window"
        ),
        (
            "EEG of window w2, kind background, no seizure: traces from 0 to 2 s, "
            "spectrograms of the whole window"
        ),
        (
            "EEG of window w3, kind whole, seizure fnsz 0.25-1.25 s: traces from 0 to "
            "2 s, spectrograms of the whole window"
        ),
    ]


def test_spectra_are_named_for_those_who_do_not_see_them(page: str) -> None:
    svgs = [attrs for tag, attrs in Elements(page).found if tag == "svg"]
    assert [svg["role"] for svg in svgs] == ["img"] * 4
    assert svgs[0]["aria-label"] == (
        "Spectra of window w0: left, right, midline, 0.5 to 100 Hz"
    )


def test_page_shows_digests_licence_and_what_was_checked(
    page: str, banana_fixture: Path
) -> None:
    with load_fixture(banana_fixture) as fixture:
        index = fixture.index
    assert f"<code>{index.digest}</code>" in page
    assert f"signals <code>{index.arrays['signals'].sha256}</code>" in page
    assert "CC0-1.0</a>" in page
    assert "none needed" in page
    assert "<strong>Verified.</strong>" in page
    assert "<li>labels follow from the events, sample by sample</li>" in page
    assert "Not redistributable" not in page


def test_table_counts_windows_and_seconds_of_each_kind(page: str) -> None:
    rows = re.findall(r"<tr><td data-name=.*?</tr>", page)
    cells = [re.sub(r"<[^>]+>", " ", row).split() for row in rows]
    assert cells == [
        ["none", "background", "1", "2", "0", "w2"],
        ["none", "artefact", "0", "0", "0", "none"],
        ["partial", "onset", "1", "2", "1.5", "w0"],
        ["partial", "offset", "0", "0", "0", "none"],
        ["partial", "whole", "1", "2", "1", "w3"],
        ["full", "ictal", "1", "2", "2", "w1"],
    ]


def test_numbers_of_a_window_are_on_its_card(page: str) -> None:
    card = page.partition('id="w-w0"')[2].partition("</article>")[0]
    rows = re.findall(r"<tr><th.*?</tr>", card)
    assert [re.sub(r"<[^>]+>", "|", row) for row in rows] == [
        "||RMS||8.1 µV||",
        "||Ictal||75.0 %||",
        "||Clipped samples||0 (0.0000 %)||",
        "||Excess kurtosis, median||−1.5, highest −1.5 (Fp1)||",  # noqa: RUF001
    ]


def test_card_says_which_part_of_the_window_is_shown(
    page: str, smoke_page: Path
) -> None:
    assert page.count("Traces: the whole window, 2 s. Spectrograms: the whole") == 4
    # The seizure of win-01 begins at 38 s: a page of 15 s from 5 s before it.
    card = smoke_page.read_text("utf-8").partition('id="w-win-01"')[2]
    assert (
        ">Traces: 33 to 48 s of 60 s. Spectrograms" in card.partition("</article>")[0]
    )


def test_page_says_that_z_scores_are_shown_in_microvolts(
    page: str, smoke_page: Path
) -> None:
    smoke = smoke_page.read_text("utf-8")
    assert (
        "256 Hz, stored as z-scores (no unit): microvolts = value * scale + offset<"
    ) in smoke
    assert "256 Hz, stored as microvolts<" in page
    assert "dimensionless" not in smoke


@pytest.mark.parametrize(
    ("source", "spec", "statement", "rebuilt"),
    [
        pytest.param(
            {"name": "synthetic"},
            {},
            "synthetic EEG from a generator, not recorded from a patient.",
            True,
            id="synthetic",
        ),
        pytest.param(
            {"name": "tusz", "synthetic": {"layout": "tusz"}},
            {},
            (
                "synthetic recordings in the layout of tusz, not part of tusz and not "
                "recorded from a patient."
            ),
            False,
            id="twin",
        ),
        pytest.param(
            {"name": "chbmit"},
            {},
            "recordings, read as source chbmit.",
            False,
            id="corpus",
        ),
        pytest.param(
            {"name": "synthetic"},
            {"adapted": [{"sfreq": 200.0}]},
            (
                "synthetic EEG from a generator, not recorded from a patient, in "
                "windows adapted from another fixture."
            ),
            # The spec of an adapted fixture makes the fixture that it came from.
            False,
            id="adapted",
        ),
    ],
)
def test_verified_file_only_states_its_origin(
    make_first: Callable[..., Content],
    tmp_path: Path,
    source: dict[str, Any],
    spec: dict[str, Any],
    statement: str,
    rebuilt: bool,
) -> None:
    content = make_first(source=source, spec=spec)
    path = write_fixture(content, tmp_path / "origin.h5")
    text = write_report(path, tmp_path / "origin.html").path.read_text("utf-8")
    verified, _, rest = text.partition("<strong>Origin.</strong> ")
    assert "<strong>Verified.</strong> The file is complete and agrees" in verified
    assert rest.startswith(
        f"The file states: {statement}<p>These checks do not prove it"
    )
    assert ("verify --rebuild" in rest) == rebuilt


def test_statistics_of_a_sine_are_those_of_the_book(banana_fixture: Path) -> None:
    with load_fixture(banana_fixture) as fixture:
        numbers = measure_window(fixture, 0)
    # 50 uV in one of 19 channels; a sine has an excess kurtosis of -1.5.
    assert numbers.rms_uv == pytest.approx(50 / np.sqrt(2 * 19), rel=1e-4)
    assert numbers.ictal_share == pytest.approx(0.75)
    assert numbers.kurtosis == pytest.approx(-1.5, abs=1e-3)
    # 1250 uV^2 in 1.5 bins of 0.5 Hz, and in one of 8 channels on the left.
    left = numbers.spectra["left"]
    assert numbers.frequencies[np.argmax(left)] == pytest.approx(10.0)
    assert left.max() == pytest.approx(10 * np.log10(1250 / 0.75 / 8), abs=0.01)
    assert numbers.spectra["right"].max() == pytest.approx(-60.0)


def test_silent_window_has_no_kurtosis(banana_fixture: Path) -> None:
    with load_fixture(banana_fixture) as fixture:
        numbers = measure_window(fixture, 2)
    assert (numbers.rms_uv, numbers.kurtosis, numbers.peak) == (0, None, None)


def test_fixture_without_a_double_banana_is_drawn_as_stored(
    small_report: tuple[Path, list[tuple[int, int]]],
) -> None:
    text = small_report[0].read_text("utf-8")
    assert "channels as stored" in text
    assert text.count("data:image/png;base64,") == 4


def test_window_of_two_seconds_has_a_spectrogram_over_time(
    banana_fixture: Path,
) -> None:
    with load_fixture(banana_fixture) as fixture:
        _, left, right, _ = draw_windows(fixture, [0]).subfigs[0].axes
    for axes in (left, right):
        box = axes.collections[0].get_datalim(axes.transData)
        # All but half a piece of 0.5 s at each end.
        assert (box.x0, box.x1) == pytest.approx((0.25, 1.75), abs=0.05)


def test_fixture_of_the_midline_alone_is_drawn(
    make_first: Callable[..., Content], tmp_path: Path
) -> None:
    content = make_first(ch_names=("Fz", "Cz", "Pz"))
    path = write_fixture(content, tmp_path / "midline.h5")
    text = write_report(path, tmp_path / "midline.html").path.read_text("utf-8")
    assert 'aria-label="Spectra of window w0: midline, 0.5 to 100 Hz"' in text


def test_closed_fixture_is_refused_before_anything_is_written(
    closed: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        SpecError,
        match=r"closed\.h5' is not redistributable .*--local-use \(in Python local_use=True\)$",
    ):
        write_report(closed, tmp_path / "closed.html")
    assert [path.name for path in tmp_path.iterdir()] == ["closed.h5"]


def test_page_of_a_closed_fixture_says_so_at_the_top(
    closed: Path, tmp_path: Path
) -> None:
    report = write_report(closed, tmp_path / "closed.html", local_use=True)
    text = report.path.read_text("utf-8")
    assert not report.redistributable
    assert 0 < text.index("Not redistributable.") < text.index("Verified.")
    assert "A &amp; B" in text


def test_broken_fixture_is_named_not_drawn(broken: Path, tmp_path: Path) -> None:
    report = write_report(broken, tmp_path / "broken.html")
    text = report.path.read_text("utf-8")
    assert report.problem is not None
    assert "signals" in report.problem
    assert "<strong>Not verified.</strong>" in text
    assert "<strong>Verified.</strong>" not in text
    assert "<img" not in text


def test_page_names_no_folder_of_this_machine(
    broken: Path, page: str, tmp_path: Path
) -> None:
    text = write_report(broken, tmp_path / "b.html").path.read_text("utf-8")
    assert "broken.h5" in text
    assert str(tmp_path) not in text
    assert str(tmp_path.parent) not in page


def test_text_of_a_fixture_is_text_on_the_page(
    make_first: Callable[..., Content], tmp_path: Path
) -> None:
    licence: dict[str, Any] = {
        "name": "<script>alert(1)</script>",
        "url": "javascript:alert(2)",
        "attribution": '"><img src=x onerror=alert(3)>',
        "redistributable": True,
        "changes": "<style>*{display:none}</style>",
    }
    source = {"name": "<b>", "seed": "</pre><script>"}
    content = make_first(licence=licence, source=source)
    path = write_fixture(content, tmp_path / "evil.h5")
    text = write_report(path, tmp_path / "evil.html").path.read_text("utf-8")
    elements = Elements(text)
    assert not {tag for tag, _ in elements.found} & {"script", "b"}
    assert elements.values("onerror") == []
    assert not any(href.startswith("java") for href in elements.values("href"))
    assert text.count("<style>") == 1


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        pytest.param("r.pdf", SpecError, r"r\.pdf': .* ends in \.html", id="suffix"),
        pytest.param("no/r.html", TargetError, "folder", id="no-folder"),
        pytest.param("dir.html", TargetError, "it is a folder", id="folder"),
        pytest.param("fix.html", SpecError, "is the fixture itself", id="fixture"),
    ],
)
def test_target_that_cannot_be_is_refused(
    small_fixture: Path,
    tmp_path: Path,
    name: str,
    error: type[Exception],
    message: str,
) -> None:
    fixture = Path(shutil.copy(small_fixture, tmp_path / "fix.html"))
    (tmp_path / "dir.html").mkdir()
    with pytest.raises(error, match=message):
        write_report(fixture, tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"fix.html", "dir.html"}
    assert fixture.read_bytes() == small_fixture.read_bytes()


def test_full_disk_leaves_the_old_page(
    broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report.html"
    out.write_text("old")

    def fill(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(TargetError, match="cannot be written: No space left"):
        write_report(broken, out)
    assert out.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


def test_missing_matplotlib_says_what_to_install(
    small_fixture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match=r'pip install "bgb-fixtures\[report'):
        write_report(small_fixture, tmp_path / "r.html")


def test_fixture_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FixtureNotFoundError, match="no fixture 'nothing'"):
        write_report("nothing", tmp_path / "r.html")


def test_progress_is_told_window_by_window(
    small_report: tuple[Path, list[tuple[int, int]]],
) -> None:
    assert small_report[1] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_command_writes_the_page_and_answers_in_json(
    small_fixture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r.html"
    answer = CliRunner().invoke(
        main, ["report", str(small_fixture), "-o", str(out), "--json"]
    )
    assert answer.exit_code == 0
    assert json.loads(answer.stdout) == {
        "path": str(out),
        "n_windows": 4,
        "size": out.stat().st_size,
        "redistributable": True,
        "problem": None,
    }


def test_command_fails_for_a_broken_fixture_and_writes_why(
    broken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r.html"
    answer = CliRunner().invoke(main, ["report", str(broken), "-o", str(out)])
    assert answer.exit_code == 1
    assert (
        answer.stdout
        == f"wrote {out} without windows: the fixture failed verification\n"
    )
    name = repr(broken.name)
    assert f"Error: the fixture failed verification: {name}: array" in answer.stderr
    assert "Not verified." in out.read_text("utf-8")


def test_command_refuses_a_closed_fixture_unless_told(
    closed: Path, tmp_path: Path
) -> None:
    command = ["report", str(closed), "-o", str(tmp_path / "r.html")]
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 1
    assert "--local-use" in refused.output
    allowed = CliRunner().invoke(main, [*command, "--local-use"])
    assert allowed.exit_code == 0
    assert "do not pass it on" in allowed.output


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2 of '#rrggbb'."""
    shares = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(
        shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize(
    ("text", "ground"),
    [*COLOUR_PAIRS, *((colour, "#ffffff") for colour in REGION_COLOURS.values())],
)
def test_text_and_lines_have_the_contrast_of_wcag_aa(text: str, ground: str) -> None:
    dark, light = sorted([luminance(text), luminance(ground)])
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_page_of_smoke_is_small(smoke_page: Path) -> None:
    assert 1e6 < smoke_page.stat().st_size < 6e6


def browse(profile: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a browser without a window, or skip the test where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip(f"needs a browser: none of {', '.join(names)}")
    flags = (
        "--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
        "--allow-file-access-from-files", "--enable-logging=stderr",
        *(["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []),
    )  # fmt: skip
    return subprocess.run(
        [browser, *flags, f"--user-data-dir={profile}", *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


def test_paper_holds_two_windows_a_page(smoke_page: Path, tmp_path: Path) -> None:
    paper = tmp_path / "smoke.pdf"
    browse(
        tmp_path / "profile",
        f"--print-to-pdf={paper}",
        "--no-pdf-header-footer",
        smoke_page.as_uri(),
    )
    n_pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    # 18 windows, and at most three pages of facts and of what does not fit beside them.
    assert 9 < n_pages <= 12


def test_browser_shows_every_window_at_every_width(
    smoke_page: Path, tmp_path: Path
) -> None:
    frames = "".join(
        f'<iframe src="{smoke_page.as_uri()}" width="{width}" height="900" '
        'style="border:0"></iframe>'
        for width in WIDTHS
    )
    harness = tmp_path / "harness.html"
    harness.write_text(HARNESS.format(frames=frames))
    done = browse(tmp_path / "profile", "--dump-dom", harness.as_uri())
    answer = done.stdout.partition('<pre id="answer">')[2].partition("</pre>")[0]
    assert json.loads(answer) == [
        {"width": width, "windows": 18, "pictures": 18, "spectra": 18}
        for width in WIDTHS
    ]
    # Nothing that the policy of the page refused, and no other complaint.
    assert "CONSOLE" not in done.stderr
