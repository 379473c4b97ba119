"""Inject a fault into every system call by which a command writes, one per run.

Requires Linux and strace. Each command first runs without faults, and its calls on
files in its folder are counted. Then it runs once per call and fault. After each run
the target must be completely old or completely new, and a second run must succeed and
leave no other files. The exit code is 1 if any of this is violated.
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

# Staging folders get a fixed name, so that calls on them can be recognised.
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
_TRACE = ("-e", f"trace={','.join(_ERRORS)}")


@dataclass(frozen=True, slots=True)
class Case:
    """A command, its target, and whether it replaces an existing target."""

    words: str
    target: str
    again: bool = True


_GOLDEN = "my_models:Net --fixture f.h5 --dir ."
CASES = {
    "build": Case("build --spec new.toml --out t.h5", "t.h5"),
    # An update of a golden that matches writes nothing.
    "golden": Case(f"golden update {_GOLDEN}", "Net.npz", again=False),
    **{
        f"export-{layout}": Case(
            f"export {'smoke' if 'brain' in layout else 'f.h5'} --to {layout} t",
            "t",
            again=False,
        )
        for layout in LAYOUTS
    },
    **{
        f"corpus-{layout}": Case(
            f"corpus --layout {layout} --out t --recordings 1 --duration 10",
            "t",
            again=False,
        )
        for layout in CORPORA
    },
    "report": Case("report f.h5 --out t.html", "t.html"),
    "golden-page": Case(f"golden check {_GOLDEN} --html t.html", "t.html"),
    "plot": Case("plot f.h5 --window 1 --out t.png", "t.png"),
}


def run(folder: Path, words: str, *strace: str) -> tuple[int, str]:
    """Run a command in a folder, optionally traced; return its exit code and stderr."""
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    prefix = ("strace", "-f", "--seccomp-bpf", *strace) if strace else ()
    done = subprocess.run(
        [*prefix, sys.executable, "-P", "-c", _DRIVER, *words.split()],
        cwd=folder,
        env=environment | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stderr.strip()


def digest(path: Path) -> str:
    """Return a digest of a file, or of a folder including all names."""
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
    """Make the input files of the commands, and old targets."""
    folder.mkdir()
    for name in ("old", "new"):
        (folder / f"{name}.toml").write_text(SPEC.format(name=name))
    (folder / "my_models.py").write_text(MODEL.format(weight=0.25))
    for words in (
        "build --spec old.toml --out t.h5",
        "build --spec new.toml --out f.h5",
        f"golden record {_GOLDEN}",
    ):
        code, told = run(folder, words)
        if code:
            raise SystemExit(told)
    for name in ("t.html", "t.png"):
        (folder / name).write_text("old")
    (folder / "my_models.py").write_text(MODEL.format(weight=0.5))


def find_paths(folder: Path, case: Case, log: Path) -> list[str]:
    """Return the paths that a command uses in its folder, except its input files."""
    run(folder, case.words, "-y", "-s", "0", "-o", str(log), *_TRACE)
    text = log.read_text()
    absolute = re.findall(rf"[<\"]({re.escape(str(folder))}[^>\"]*)[>\"]", text)
    relative = re.findall(r'AT_FDCWD<[^>]*>, "([^/"][^"]*)"|\w+\("([^/"][^"]*)"', text)
    named = {*absolute, *(str(folder / (a or b)) for a, b in relative)}
    inputs = re.compile(r"(\.toml|\.py|\.pyc|__pycache__|f\.h5)$")
    return sorted(
        path
        for path in named
        if path.startswith(str(folder)) and not inputs.search(path)
    )


def find_calls(text: str) -> list[tuple[str, int]]:
    """Return the calls that write to paths: (name, number among calls of that name)."""
    seen: Counter[str] = Counter()
    calls = []
    for name, rest in re.findall(r"^\d+ +(\w+)\((.*)", text, re.MULTILINE):
        seen[name] += 1
        if name != "openat" or re.search("O_CREAT|O_RDWR|O_WRONLY|O_NOFOLLOW", rest):
            calls.append((name, seen[name]))
    return calls


def try_case(name: str, case: Case, *, most: int) -> list[str]:
    """Run a case once per call and fault; return the violations."""
    problems: list[str] = []
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as top:
        base, log = Path(top).resolve() / "base", Path(top) / "log"
        work, target = base.with_name("work"), base.with_name("work") / case.target
        prepare(base)

        def fresh() -> None:
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(base, work)

        def names() -> set[str]:
            return {path.name for path in work.iterdir()}

        fresh()
        old = digest(target)
        paths = find_paths(work, case, log)
        new, expected = digest(target), names()
        only = [word for path in paths for word in ("-P", path)]
        fresh()
        usual, told = run(work, case.words, "-s", "0", "-o", str(log), *only, *_TRACE)
        if usual not in (0, 1):
            raise SystemExit(told)
        points = [
            (call, fault, k)
            for call, k in find_calls(log.read_text())
            for fault in _ERRORS[call]
        ]
        if not points:
            return [f"{name}: writes nothing"]
        # Choose evenly, as most calls write another block of the same array.
        points = points[:: -(-len(points) // most)]
        for call, fault, k in points:
            fresh()
            inject = (
                "-e",
                f"trace={call}",
                "-e",
                f"inject={call}:error={fault}:when={k}",
            )
            code, told = run(work, case.words, "-o", str(log), *only, *inject)
            state = {old: "old", new: "new"}.get(digest(target), "BROKEN")
            outcome = f"exit {code}, {state}"
            left = ", left something" if names() - expected else ""
            outcomes[outcome + left] += 1
            where = f"{name}: {call} {k} {fault}: {outcome}"
            if state == "BROKEN" or (code == 0 and state == "old"):
                problems.append(where)
            lines = [x for x in told.splitlines() if not x.startswith("wrote ")]
            one_line = len(lines) == 1 and "Error: " in lines[0]
            # A comparison that finds a difference ends with 1 as well.
            done = (code, state) == (usual, "new")
            if code not in (0, 1) or (code == 1 and not one_line and not done):
                problems.append(f"{where}: {told[-300:]}")
            if case.again or state == "old":
                code, told = run(work, case.words)
                if digest(target) != new or names() - expected:
                    problems.append(f"{where}; then {code} {told} {names() - expected}")
    counts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(outcomes.items()))
    print(f"{name}: {len(points)} failures: {counts}", flush=True)
    return problems


def main() -> None:
    """Run the cases named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", nargs="*", default=list(CASES), help=", ".join(CASES))
    parser.add_argument(
        "--most", type=int, default=150, help="Runs of each command at most [150]."
    )
    options = parser.parse_args()
    if shutil.which("strace") is None:
        sys.exit("strace is not installed")
    problems = [
        problem
        for name in options.cases
        for problem in try_case(name, CASES[name], most=options.most)
    ]
    print("\n".join(problems))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
