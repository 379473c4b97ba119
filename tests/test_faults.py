"""Whatever fails and whenever it ends: the old file or the new one, and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from faults import MODEL, SPEC
from matplotlib.figure import Figure
from support.disk import Disk

from bgb_fixtures import build
from bgb_fixtures.cli import main
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format.write import write_fixture
from bgb_fixtures.staging import new_file, new_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bgb_fixtures.format.content import Content
    from bgb_fixtures.request.synthetic import SyntheticRequest

    MakeContent = Callable[..., Content]

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs fork and /proc")
MOST = 32


def call(*words: object) -> int | str | None:
    """Call the command line, as the console script does; return its exit code."""
    try:
        main([str(word) for word in words], prog_name="bgb-fixtures")
    except SystemExit as stop:
        return stop.code
    return 0


def state_of(path: Path) -> dict[str, str]:
    """Return the digest of a file, or of each file in a folder; nothing: no names."""
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return {
        str(file.relative_to(path)): (
            hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        )
        for file in files
    } | ({"folder": ""} if path.is_dir() else {})


# A failure of each call that writes, in turn


@dataclass(frozen=True)
class Case:
    """A command: what it is told, what it writes, and whether it replaces that."""

    words: tuple[str, ...]
    target: str
    again: bool = True
    n_calls: int = 8


NET = ("net:Net", "--fixture", "small.h5", "--dir", ".")
SAME = ("same:Net", *NET[1:], "--name", "Same")
CASES = {
    "build": Case(("build", "--spec", "new.toml", "--out", "t.h5"), "t.h5"),
    "record": Case(
        ("golden", "record", *NET, "--name", "first"), "first.npz", again=False
    ),
    # With the same golden there, it would write none.
    "update": Case(("golden", "update", *NET), "Net.npz", again=False),
    "page": Case(("golden", "check", *SAME, "--html", "t.html"), "t.html"),
    "plot": Case(
        ("plot", "banana.h5", "--window", "w0", "--dpi", "50", "--out", "t.png"),
        "t.png",
    ),
    "npz": Case(("export", "small.h5", "--to", "npz", "t"), "t", again=False),
    "safetensors": Case(
        ("export", "small.h5", "--to", "safetensors", "t"), "t", again=False
    ),
    "edf": Case(("export", "banana.h5", "--to", "edf", "t"), "t", again=False),
}


@pytest.fixture(scope="module")
def base(
    small_fixture: Path,
    banana_fixture: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Make a folder with what the commands read, and with old targets."""
    folder = tmp_path_factory.mktemp("base")
    shutil.copy(small_fixture, folder)
    shutil.copy(banana_fixture, folder)
    for name in ("old", "new"):
        (folder / f"{name}.toml").write_text(SPEC.format(name=name))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("CI", raising=False)
        write_model(folder, patch, weight=0.25)
        (folder / "same.py").write_text(MODEL.format(weight=0.25))
        assert call("golden", "record", *NET) == 0
        assert call("golden", "record", *SAME) == 0
        assert call("build", "--spec", "old.toml", "--out", "t.h5") == 0
    for name in ("t.html", "t.png"):
        (folder / name).write_text("old")
    return folder


def write_model(folder: Path, patch: pytest.MonkeyPatch, *, weight: float) -> None:
    """Write a model that no run before has imported."""
    (folder / "net.py").write_text(MODEL.format(weight=weight))
    patch.setattr(sys, "path", list(sys.path))
    patch.setattr(sys, "dont_write_bytecode", True)
    for name in ("net", "same"):
        patch.delitem(sys.modules, name, raising=False)


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generate samples once and draw none: the tests are about writing them."""
    kept: dict[str, Content] = {}
    synthesise = build.synthesise

    def synthesise_once(request: SyntheticRequest, **_: Any) -> Content:
        if request.name not in kept:
            kept[request.name] = synthesise(request)
        return kept[request.name]

    monkeypatch.setattr(build, "synthesise", synthesise_once)
    blank = Figure(figsize=(1, 1))
    monkeypatch.setattr("bgb_fixtures.report.plot.draw_windows", lambda *_, **__: blank)


@dataclass(frozen=True)
class Outcome:
    """How a run with a fault ended, and what the next run made of it."""

    call: str
    code: int | str | None
    told: str
    target: str
    next: str

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, and the user is told in one line."""
        told = self.code == 0 or (
            self.code == 1 and self.told.startswith("Error: ") and "\n" not in self.told
        )
        kept = self.target == "new" or (self.target == "old" and self.code == 1)
        return told and kept and self.next == "new, nothing else"


def try_with(
    fail_at: int,
    base: Path,
    case: Case,
    new: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> tuple[Outcome, list[str]]:
    """Run a command in a copy of the folder, with the k-th call failing; then again."""
    folder = base.with_name("work")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    target = folder / case.target
    old = state_of(target)
    disk = Disk(folder, fail_at)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_model(folder, patch, weight=0.5)
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as faults:
            disk.watch(faults)
            code = call(*case.words)
        told = capsys.readouterr().err.strip()
        after = state_of(target)
        names = {"old": old, "new": new}
        known = [name for name, state in names.items() if state == after]
        if not case.again:
            shutil.rmtree(target, ignore_errors=True)
            target.unlink(missing_ok=True)
        patch.delitem(sys.modules, "net", raising=False)
        call(*case.words)
        left = {path.name for path in folder.iterdir()}
        left -= {path.name for path in base.iterdir()} | {case.target}
        whole = "new" if state_of(target) == new else "broken"
    return (
        Outcome(
            call=disk.calls[fail_at - 1] if fail_at else "none",
            code=code,
            told=told,
            target=known[-1] if known else "broken",
            next=f"{whole}, {sorted(left) or 'nothing else'}",
        ),
        disk.calls,
    )


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("name", list(CASES))
def test_a_call_that_fails_loses_nothing(
    name: str,
    base: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    case = CASES[name]
    _, calls = try_with(0, base, case, {}, capsys)
    new = state_of(base.with_name("work") / case.target)
    assert len(calls) >= case.n_calls
    # tools/faults.py takes all, of every layout, in the system itself.
    step = -(-len(calls) // MOST)
    outcomes = [
        try_with(k, base, case, new, capsys)[0]
        for k in [*range(1, len(calls), step), len(calls)]
    ]
    assert [outcome for outcome in outcomes if not outcome.holds] == []
    # What is called first stops all; what is called last comes too late to.
    assert (outcomes[0].target, outcomes[-1].target) == ("old", "new")


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(
            "build",
            ["write t.h5", "fsync t.h5", "replace t.h5", "fsync work"],
            id="file",
        ),
        pytest.param(
            "npz",
            [
                "write windows.npz", "write README.md",
                "fsync README.md", "fsync windows.npz", "fsync t",
                "rename t", "fsync work",
            ],
            id="folder",
        ),
    ],
)  # fmt: skip
def test_content_is_on_the_disk_before_it_has_its_name(
    name: str, expected: list[str], base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, calls = try_with(0, base, CASES[name], {}, capsys)
    kinds = ("write", "fsync", "replace", "rename")
    told = [what for what in calls if what.split()[0] in kinds]
    assert [what for what, _ in groupby(told)] == expected


# What is left behind, and where a target may be


def write(path: Path, text: str = "new") -> None:
    with new_file(path) as draft:
        draft.write_text(text)


def leave(folder: Path) -> Path:
    """Leave what a run leaves that is killed."""
    left = folder / ".bgb-fixtures-0a1b2c3d.tmp"
    (left / "half").mkdir(parents=True)
    (left / "half" / "t.h5").write_text("ha")
    return left


def test_what_a_killed_run_left_is_removed_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = leave(tmp_path)
    write(tmp_path / "t")
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert caplog.messages == [f"removed {left}, left by a run that was killed"]


@LINUX
def test_what_a_run_is_still_writing_is_left_alone(tmp_path: Path) -> None:
    with new_file(tmp_path / "first") as draft:
        draft.write_text("first")
        write(tmp_path / "second")
        assert draft.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_a_link_with_the_name_of_something_left_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("keep")
    link = tmp_path / ".bgb-fixtures-0a1b2c3d.tmp"
    link.symlink_to(tmp_path / "mine")
    write(tmp_path / "t")
    assert (link / "notes").read_text() == "keep"


def test_permissions_of_the_old_file_are_those_of_the_new(tmp_path: Path) -> None:
    target = tmp_path / "t"
    target.write_text("old")
    target.chmod(0o600)
    write(target)
    assert (target.stat().st_mode & 0o777, target.read_text()) == (0o600, "new")


def test_permissions_of_an_empty_folder_are_those_of_the_full_one(
    tmp_path: Path,
) -> None:
    target = tmp_path / "t"
    target.mkdir(mode=0o700)
    with new_folder(target) as draft:
        (draft / "a").write_text("a")
    assert target.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in target.iterdir()] == ["a"]


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("old")
    (tmp_path / "t").symlink_to("store")
    write(tmp_path / "t")
    assert not (tmp_path / "t").is_symlink()
    assert (tmp_path / "store").read_text() == "old"


def test_another_name_of_the_old_file_keeps_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("old")
    os.link(tmp_path / "t", tmp_path / "other")
    write(tmp_path / "t")
    assert (tmp_path / "other").read_text() == "old"


def test_a_name_as_long_as_names_can_be_is_written(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 252 + ".h5")
    write(target)
    assert target.read_text() == "new"


@pytest.mark.parametrize("name", ["build", "page", "plot", "npz"])
@pytest.mark.parametrize(
    ("place", "message"),
    [
        pytest.param("x" * 256, "File name too long", id="name-too-long"),
        pytest.param("nowhere/t", "does not exist|No such file", id="no-folder"),
        pytest.param("full", "folder|Is a directory", id="a-folder"),
        pytest.param("new.toml/t", "does not exist|Not a directory", id="in-a-file"),
        pytest.param("pipe", "not a regular file|is a file", id="fifo"),
    ],
)
@pytest.mark.usefixtures("once")
def test_a_place_that_cannot_be_is_refused_in_one_line(
    name: str,
    place: str,
    message: str,
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "work"
    shutil.copytree(base, folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CI", raising=False)
    write_model(folder, monkeypatch, weight=0.25)
    case = CASES[name]
    suffix = Path(case.target).suffix
    (folder / f"full{suffix}").mkdir()
    (folder / f"full{suffix}" / "mine").write_text("keep")
    os.mkfifo(folder / f"pipe{suffix}")
    before = {path.name for path in folder.rglob("*")}
    words = [f"{place}{suffix}" if word == case.target else word for word in case.words]
    capsys.readouterr()
    assert call(*words) == 1
    told = capsys.readouterr().err.strip()
    assert re.fullmatch(rf"Error: .*({message}).*", told)
    assert {path.name for path in folder.rglob("*")} == before


# What the system does: full disks, kills, two at once; each in processes of its own

CHILD = """
import contextlib, io, json, os, random, resource, shutil, signal, sys, time
from pathlib import Path
import edfio
from bgb_fixtures import build as building, cli, export
from bgb_fixtures.commands import build
from bgb_fixtures.commands import export as _
from bgb_fixtures.golden.store import load_golden, write_golden
from bgb_fixtures.fixture import load_fixture

kept, synthesise = {}, building.synthesise

def synthesise_once(request, **_):
    if request.name not in kept:
        kept[request.name] = synthesise(request)
    return kept[request.name]

building.synthesise = synthesise_once

def call(*words):
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        try:
            cli.main(words, prog_name="bgb-fixtures")
            code = 0
        except SystemExit as stop:
            code = stop.code
    return code, told.getvalue().strip()

def build_one(name, target="t.h5"):
    return call("build", "--spec", name + ".toml", "--out", target)

def export_one(layout, source, target):
    return call("export", source, "--to", layout, target)

def state(path):
    path = Path(path)
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return [(str(p.relative_to(path)), p.is_file() and p.read_bytes()) for p in files]

def told_well(code, told):
    return code == 0 or (code == 1 and told.startswith("Error: ") and "\\n" not in told)

def forked(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child
"""


def in_child(folder: Path, script: str) -> Any:
    """Run a script in a process of its own; return the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD + script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture
def work(base: Path, tmp_path: Path) -> Path:
    """Copy the folder of all that commands read."""
    return Path(shutil.copytree(base, tmp_path / "work"))


FILL = """
def fill(run, target, limits, limit):
    # Each file system or limit a bit larger, until all fits.
    old, outcomes, listing = state(target), [], sorted(os.listdir("."))
    for size in limits:
        limit(size)
        code, told = run()
        limit(None)
        now = state(target)
        if not told_well(code, told):
            outcomes.append(told)
        elif code == 1 and now != old:
            outcomes.append(f"{size}: broken")
        elif code == 0:
            outcomes.append("done")
            break
        elif sorted(os.listdir(".")) != listing:
            outcomes.append(f"{size}: left behind")
        else:
            outcomes.append("kept")
    return outcomes
"""


@LINUX
@pytest.mark.parametrize(
    ("what", "target", "step"),
    [
        pytest.param("build_one('new')", "t.h5", 11003, id="build"),
        pytest.param("export_one('npz', 'small.h5', 't')", "t", 1009, id="npz"),
        pytest.param("export_one('edf', 'banana.h5', 't')", "t", 1009, id="edf"),
    ],
)
def test_a_write_that_is_cut_at_any_byte_loses_nothing(
    what: str, target: str, step: int, work: Path
) -> None:
    # Files may not grow beyond the limit: what a full disk does, at an exact byte.
    outcomes = in_child(
        work,
        FILL
        + f"""
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
print(json.dumps(fill(lambda: {what}, {target!r}, range(0, 10**6, {step}), limit)))
""",
    )
    assert Counter(outcomes)["kept"] >= 20
    assert set(outcomes) == {"kept", "done"}
    assert outcomes[-1] == "done"


ROUNDS = int(os.environ.get("BGB_FIXTURES_FAULT_ROUNDS", "12"))

KILL = f"""
import logging
logging.disable(logging.WARNING)
random.seed(20261124)
ROUNDS = {ROUNDS}

def kill_rounds(work, names, complete, sent=signal.SIGKILL, clean=lambda: None):
    # Left behind by the last one killed: what the next run removes first.
    seen, n_left, codes = set(), 0, []
    for _ in range(ROUNDS):
        child = forked(work)
        time.sleep(random.uniform(0.005, 0.1))
        os.kill(child, sent)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        seen |= {{complete(name) for name in names()}}
        n_left += any(name.startswith(".bgb-fixtures-") for name in os.listdir("."))
        clean()
    return seen, n_left, sorted(set(codes))

def build_for_ever():
    name = which("t.h5", states)
    while True:
        name = {{"old": "new", "new": "old"}}[name]
        build_one(name)

def is_end(code):
    return code != 0 and os._exit(code)

def build_till_told():
    # Where Python runs a finaliser it drops what is raised; a build is then finished.
    ended = []
    def end(*_):
        ended.append(True)
        sys.exit(143)
    signal.signal(signal.SIGTERM, end)
    name = which("t.h5", states)
    while not ended:
        name = {{"old": "new", "new": "old"}}[name]
        is_end(build_one(name)[0])

def which(path, states):
    now = state(path)
    return next((k for k, s in states.items() if s == now), "broken")

build_one("new")
states = {{"new": state("t.h5")}}
build_one("old")
states["old"] = state("t.h5")
before = sorted(os.listdir("."))
"""


@LINUX
def test_a_build_killed_at_any_moment_leaves_a_whole_file(work: Path) -> None:
    answer = in_child(
        work,
        KILL
        + """
seen, n_left, codes = kill_rounds(
    build_for_ever, lambda: ["t.h5"], lambda path: which(path, states)
)
code, _ = build_one("new")
print(json.dumps(
    [sorted(seen), n_left, codes, code, which("t.h5", states),
     sorted(os.listdir(".")) == before]
))
""",
    )
    assert set(answer[0]) <= {"new", "old"}
    # Most of a round is writing.
    assert answer[1] > 0
    assert answer[2:] == [[-9], 0, "new", True]


@LINUX
@pytest.mark.parametrize(
    ("sent", "code"), [pytest.param("SIGTERM", 143, id="cancelled")]
)
def test_a_build_ended_at_any_moment_leaves_a_whole_file(
    sent: str, code: int, work: Path
) -> None:
    answer = in_child(
        work,
        KILL
        + f"""
seen, n_left, codes = kill_rounds(
    build_till_told,
    lambda: ["t.h5"],
    lambda path: which(path, states),
    sent=signal.{sent},
)
code, _ = build_one("new")
print(json.dumps([sorted(seen), codes, code, sorted(os.listdir(".")) == before]))
""",
    )
    assert set(answer[0]) <= {"new", "old"}
    assert set(answer[1]) <= {code, 0, -15}
    assert answer[2:] == [0, True]


@LINUX
def test_a_golden_killed_at_any_moment_is_whole(work: Path) -> None:
    answer = in_child(
        work,
        KILL
        + """
goldens = [load_golden("Net.npz"), load_golden("Same.npz")]
states = {"old": state("Net.npz"), "new": state("Same.npz")}
def update_for_ever():
    while True:
        for golden in goldens:
            write_golden(golden, "Net.npz")
seen, n_left, codes = kill_rounds(
    update_for_ever, lambda: ["Net.npz"], lambda path: which(path, states)
)
write_golden(goldens[1], "Net.npz")
print(json.dumps(
    [sorted(seen), codes, which("Net.npz", states), sorted(os.listdir(".")) == before]
))
""",
    )
    assert set(answer[0]) <= {"new", "old"}
    assert answer[1:] == [[-9], "new", True]


@LINUX
def test_an_export_killed_at_any_moment_is_whole_or_not_there(work: Path) -> None:
    answer = in_child(
        work,
        KILL
        + """
export_one("edf", "banana.h5", "out-whole")
states = {"whole": state("out-whole")}
shutil.rmtree("out-whole")
def export_for_ever():
    for i in range(10**6):
        export_one("edf", "banana.h5", f"out-{i}")
def made():
    return [name for name in os.listdir(".") if name.startswith("out-")]
def clean():
    for name in made():
        shutil.rmtree(name)
seen, n_left, codes = kill_rounds(
    export_for_ever, made, lambda path: which(path, states), clean=clean
)
code, _ = export_one("edf", "banana.h5", "out-last")
seen.add(which("out-last", states))
clean()
print(json.dumps([sorted(seen), n_left > 0, codes, code, sorted(os.listdir(".")) == before]))
""",
    )
    assert answer == [["whole"], True, [-9], 0, True]


@LINUX
def test_two_builders_of_one_file_leave_one_of_two_and_readers_see_no_other(
    work: Path,
) -> None:
    answer = in_child(
        work,
        KILL
        + f"""
def build_often():
    codes = [build_one(name)[0] for name in ["old", "new"] * ({ROUNDS} // 2)]
    os._exit(max(codes))
children = [forked(build_often), forked(build_often)]
seen, ends, n_reads = set(), [], 0
while len(ends) < 2:
    with load_fixture("t.h5") as fixture:
        seen.add((fixture.index.name, int(fixture.labels.sum())))
        n_reads += 1
    pid, status = os.waitpid(-1, os.WNOHANG)
    if pid:
        ends.append(os.waitstatus_to_exitcode(status))
print(json.dumps(
    [sorted(seen), ends, which("t.h5", states), sorted(os.listdir(".")) == before, n_reads]
))
""",
    )
    # 4.5 s of seizure at 256 Hz, of which the windows hold 2 s.
    assert answer[0] == [["new", 512], ["old", 512]]
    assert answer[1] == [0, 0]
    assert answer[2] in ("new", "old")
    assert answer[3]
    assert answer[4] > 10


@LINUX
def test_two_exports_to_one_folder_leave_one_in_full_and_tell_the_other(
    work: Path,
) -> None:
    answer = in_child(
        work,
        KILL
        + """
export_one("npz", "small.h5", "whole")
whole = {"whole": state("whole")}
shutil.rmtree("whole")
outcomes = set()
for i in range(ROUNDS):
    def export():
        code, told = export_one("npz", "small.h5", f"out-{i}")
        os._exit(code if told_well(code, told) else 99)
    children = [forked(export), forked(export)]
    ends = sorted(os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children)
    outcomes.add((*ends, which(f"out-{i}", whole)))
    shutil.rmtree(f"out-{i}")
print(json.dumps([sorted(outcomes), sorted(os.listdir(".")) == before]))
""",
    )
    assert answer == [[[0, 1, "whole"]], True]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system, or skip."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root mounts a file system")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a file system: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize(
    ("what", "target"),
    [
        pytest.param("build_one('new')", "t.h5", id="build"),
        pytest.param("export_one('edf', 'banana.h5', 't')", "t", id="edf"),
        pytest.param("export_one('npz', 'banana.h5', 't')", "t", id="npz"),
    ],
)
def test_a_full_disk_loses_nothing(
    what: str, target: str, small_disk: Path, base: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    shutil.copytree(base, small_disk, dirs_exist_ok=True)
    outcomes = in_child(
        small_disk,
        FILL
        + f"""
room = os.statvfs(".")
room = (room.f_blocks - room.f_bfree) * room.f_frsize
def limit(size):
    size = 8 * 2**20 if size is None else room + size
    assert os.system(f"mount -o remount,size={{size}} .") == 0
print(json.dumps(fill(lambda: {what}, {target!r}, range(0, 2**20, 2**14), limit)))
""",
    )
    assert Counter(outcomes)["kept"] >= 8
    assert set(outcomes) == {"kept", "done"}
    assert outcomes[-1] == "done"


@LINUX
def test_a_folder_that_may_not_be_written_to_is_named(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The other user could not write down what was measured of the process.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    # Not below a folder of pytest: another user has to come to it.
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "work"
        shutil.copytree(base, folder)
        Path(place).chmod(0o755)
        answers = in_child(
            folder,
            """
# Modules may be in a folder that the other user cannot read.
export_one("npz", "small.h5", "t")
shutil.rmtree("t")
build_one("old")
Path(".").chmod(0o555)
os.geteuid() == 0 and os.setuid(65534)
before = sorted(os.listdir("."))
print(json.dumps([
    build_one("new"),
    export_one("npz", "small.h5", "t"),
    sorted(os.listdir(".")) == before,
]))
""",
        )
        folder.chmod(0o755)
    assert answers[0] == [1, "Error: 't.h5' cannot be written: Permission denied"]
    assert answers[1][0] == 1
    assert re.fullmatch(
        "Error: '.*t' cannot be written: Permission denied", answers[1][1]
    )
    assert answers[2]


# A file that changes while it is mapped


def test_an_old_map_keeps_its_bytes_when_the_file_is_replaced(
    make_content: MakeContent, tmp_path: Path
) -> None:
    path = write_fixture(make_content(), tmp_path / "t.h5")
    before = make_content().signals
    with load_fixture(path) as fixture:
        signals = fixture.signals
        write_fixture(make_content(signals=np.ones_like(before)), path)
        assert np.array_equal(signals, before)
    assert np.array_equal(load_fixture(path).signals, np.ones_like(before))


def test_a_copy_does_not_mind_that_the_file_is_cut(
    make_content: MakeContent, tmp_path: Path
) -> None:
    path = write_fixture(make_content(), tmp_path / "t.h5")
    with load_fixture(path, mode="copy") as fixture:
        os.truncate(path, 4096)
        assert np.array_equal(fixture.signals, make_content().signals)


@LINUX
def test_a_map_of_a_file_that_is_cut_ends_the_process(work: Path) -> None:
    # The limit that DATA.md states: no program can read pages that are gone.
    script = """
import os
from bgb_fixtures import load_fixture
fixture = load_fixture("small.h5", verify=False)
os.truncate("small.h5", 4096)
fixture.signals.sum()
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=work, check=False)
    assert done.returncode == -signal.SIGBUS
