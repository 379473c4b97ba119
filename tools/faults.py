"""Fail every system call by which a command writes, each in a run of its own.

Needs Linux and strace. First each command runs untouched and its calls on files of the
work folder are counted; then it runs once per call and fault. After each run the target
has to be the old one or the new one in full, and a second run has to succeed and to
leave nothing else behind. Exit code 1 if that ever fails to hold.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bgb_fixtures.corpora.twin import LAYOUTS as CORPORA
from bgb_fixtures.export import LAYOUTS

# Staging folders get one name: the calls on it are to be told from others.
_DRIVER = """
import secrets
secrets.token_hex = lambda n: "0" * 2 * n
from bgb_fixtures.cli import run
run()
"""
MODEL = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv1d(3, 1, 1)
        torch.nn.init.constant_(self.conv.weight, {weight})
        torch.nn.init.constant_(self.conv.bias, 0.5)
    def forward(self, x):
        return self.conv(x[:, :3])[:, 0]
"""
SPEC = """
name = "{name}"
source = "synthetic"
window_length = 4
[[recordings]]
subject = 1
split = "train"
duration = 12
windows = [0, 8]
events = [{{ onset = 2, duration = 4.5, label = "absz" }}]
"""
_ERRORS = {
    "openat": ("EIO",),
    "mkdir": ("ENOSPC",),
    "write": ("ENOSPC", "EIO"),
    "pwrite64": ("ENOSPC", "EIO"),
    "ftruncate": ("EIO",),
    "fsync": ("EIO",),
    "flock": ("ENOLCK",),
    "chmod": ("EPERM",),
    "rename": ("EIO",),
    "close": ("EIO",),
    "unlink": ("EIO",),
    "unlinkat": ("EIO",),
    "rmdir": ("EIO",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command, run in a folder of its own.

    Attributes
    ----------
    words : tuple of str
        Its arguments.
    target : str
        What it writes.
    again : bool
        Whether it replaces what is there.
    """

    words: tuple[str, ...]
    target: str
    again: bool = True


_MODEL_RUN = ("my_models:Net", "--fixture", "f.h5")
CASES = {
    "build": Case(
        words=("build", "--spec", "new.toml", "--out", "t.h5"), target="t.h5"
    ),
    "golden": Case(
        words=("golden", "update", *_MODEL_RUN, "--dir", "."), target="Net.npz"
    ),
    **{
        f"export-{layout}": Case(
            words=(
                "export",
                "smoke" if layout == "brain-go-brr" else "f.h5",
                "--to",
                layout,
                "t",
            ),
            target="t",
            again=False,
        )
        for layout in LAYOUTS
    },
    **{
        f"corpus-{layout}": Case(
            words=(
                *("corpus", "--layout", layout, "--out", "t"),
                *("--recordings", "1", "--duration", "10"),
            ),
            target="t",
            again=False,
        )
        for layout in CORPORA
    },
    "report": Case(words=("report", "f.h5", "--out", "t.html"), target="t.html"),
    "golden-page": Case(
        words=("golden", "check", *_MODEL_RUN, "--dir", ".", "--html", "t.html"),
        target="t.html",
    ),
    "plot": Case(
        words=("plot", "f.h5", "--window", "1", "--out", "t.png"), target="t.png"
    ),
}


def run(
    folder: Path, words: tuple[str, ...], *, prefix: tuple[str, ...] = ()
) -> Answer:
    """Run a command in a folder."""
    environment = {
        name: value for name, value in os.environ.items() if name != "CI"
    } | {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [*prefix, sys.executable, "-P", "-c", _DRIVER, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Answer(code=done.returncode, told=done.stderr.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a run ended, and what it said on stderr."""

    code: int
    told: str


def digest(path: Path) -> str:
    """Return one digest of a file, or of a folder with all names in it."""
    if not path.exists():
        return "nothing"
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    whole = hashlib.sha256()
    for file in files:
        whole.update(str(file.relative_to(path)).encode())
        if file.is_file():
            whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def prepare(folder: Path) -> None:
    """Make what the commands read, and old targets."""
    for name in ("old", "new"):
        (folder / f"{name}.toml").write_text(SPEC.format(name=name))
    (folder / "my_models.py").write_text(MODEL.format(weight=0.25))
    steps = [
        ("build", "--spec", "old.toml", "--out", "t.h5"),
        ("build", "--spec", "new.toml", "--out", "f.h5"),
        ("golden", "record", *_MODEL_RUN, "--dir", "."),
    ]
    for words in steps:
        answer = run(folder, words)
        if answer.code:
            raise SystemExit(answer.told)
    for name in ("t.html", "t.png"):
        (folder / name).write_text("old")
    (folder / "my_models.py").write_text(MODEL.format(weight=0.5))


def find_paths(folder: Path, case: Case, log: Path) -> list[str]:
    """Return what a command touches in its folder, but for what it reads."""
    strace = ("strace", "-f", "--seccomp-bpf", "-y", "-s", "0", "-o", str(log))
    trace = f"trace={','.join(_ERRORS)}"
    run(folder, case.words, prefix=(*strace, "-e", trace))
    text = log.read_text()
    inputs = "|".join(re.escape(p) for p in (".toml", ".py", ".pyc", "__pycache__"))
    absolute = re.findall(rf"[<\"]({re.escape(str(folder))}[^>\"]*)[>\"]", text)
    relative = re.findall(r'AT_FDCWD<[^>]*>, "([^/"][^"]*)"|\w+\("([^/"][^"]*)"', text)
    named = {*absolute, *(str(folder / (a or b)) for a, b in relative)}
    return sorted(
        path
        for path in named
        if path.startswith(str(folder)) and not re.search(f"({inputs}|f\\.h5)$", path)
    )


def find_calls(
    folder: Path, case: Case, paths: list[str], log: Path
) -> list[tuple[str, int]]:
    """Return the calls by which these paths are written to: name, and which of them."""
    strace = ["strace", "-f", "--seccomp-bpf", "-s", "0", "-o", str(log)]
    only = [word for path in paths for word in ("-P", path)]
    trace = ("-e", f"trace={','.join(_ERRORS)}")
    answer = run(folder, case.words, prefix=(*strace, *only, *trace))
    if answer.code not in (0, 1):
        raise SystemExit(answer.told)
    seen: Counter[str] = Counter()
    calls = []
    for name, rest in re.findall(r"^\d+ +(\w+)\((.*)", log.read_text(), re.MULTILINE):
        seen[name] += 1
        if name != "openat" or re.search("O_CREAT|O_RDWR|O_WRONLY|O_NOFOLLOW", rest):
            calls.append((name, seen[name]))
    return calls


def try_case(name: str, case: Case, *, most: int) -> list[str]:
    """Run a case once per call and fault; return what did not hold."""
    faults: list[str] = []
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as top:
        base, log = Path(top).resolve() / "base", Path(top) / "log"
        work = base.with_name("work")
        base.mkdir()
        prepare(base)

        def fresh() -> None:
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(base, work)

        fresh()
        old = digest(work / case.target)
        paths = find_paths(work, case, log)
        new = digest(work / case.target)
        names = {path.name for path in work.iterdir()}
        fresh()
        calls = find_calls(work, case, paths, log)
        only = [word for path in paths for word in ("-P", path)]
        points = [(call, fault, k) for call, k in calls for fault in _ERRORS[call]]
        if not points:
            return [f"{name}: writes nothing"]
        # Evenly: most are one more block of the same array.
        points = points[:: -(-len(points) // most)]
        for call, fault, k in points:
            fresh()
            what = f"error={fault}"
            inject = ("-e", f"trace={call}", "-e", f"inject={call}:{what}:when={k}")
            prefix = ("strace", "-f", "--seccomp-bpf", "-o", str(log), *only, *inject)
            answer = run(work, case.words, prefix=prefix)
            after = digest(work / case.target)
            left = {path.name for path in work.iterdir()} - names
            state = {old: "old", new: "new"}.get(after, "BROKEN")
            outcome = f"exit {answer.code}, {state}"
            outcomes[outcome + (", left behind" if left else "")] += 1
            where = f"{name}: {call} {k} {fault}: {outcome}"
            if state == "BROKEN" or (answer.code == 0 and state == "old"):
                faults.append(where)
            lines = [x for x in answer.told.splitlines() if not x.startswith("wrote ")]
            if answer.code == 1 and not (len(lines) == 1 and "Error: " in lines[0]):
                faults.append(f"{where}: {answer.told[-300:]}")
            if answer.code not in (0, 1):
                faults.append(f"{where}: {answer.told[-300:]}")
            if case.again or state == "old":
                second = run(work, case.words)
                left = {path.name for path in work.iterdir()} - names
                if digest(work / case.target) != new or left:
                    faults.append(f"{where}; then {second.code} {second.told} {left}")
        told = ", ".join(f"{n} {outcome}" for outcome, n in sorted(outcomes.items()))
        print(
            f"{name}: {len(points)} failures: {told}",
            flush=True,
        )
    return faults


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES), help="which commands")
    parser.add_argument("--most", type=int, default=150, help="runs of each command")
    wanted = parser.parse_args()
    if shutil.which("strace") is None:
        msg = "strace is not installed"
        raise SystemExit(msg)
    faults = [
        fault
        for name in wanted.cases
        for fault in try_case(name, CASES[name], most=wanted.most)
    ]
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
