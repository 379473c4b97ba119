"""Try the package with the lowest and the newest of what it depends on.

``python tools/compat.py`` makes environments in ``build/compat``, kept for the next time:
one with the lower bounds of pyproject.toml, one with the newest of everything. Each
writes one of each kind of file (tools/compat_files.py); all are compared byte by byte,
each environment reads what the others wrote, and the tests run with the lower bounds.
``--python PATH``, which may be repeated, tries the newest with another Python than the
one that runs this; ``--torch`` adds the lowest torch to the lowest environment, which on
Linux brings 5 GB of CUDA libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "compat"
FILES = ROOT / "tools" / "compat_files.py"
EXTRAS = ("build", "report", "score")
# What the lowest mne and matplotlib need, but do not bound: mne 1.6 imports a function
# that scipy 1.17 dropped, matplotlib 3.8 calls pyparsing in ways that 3.3 warns of.
OF_THEIR_TIME = ("scipy==1.11.*", "pyparsing<3.3")
TEST_TOOLS = ("pytest-xdist", "hypothesis", "threadpoolctl", "safetensors", "hatchling")
# A golden names its environment (G4 of DATA.md); what scipy filtered may differ by a
# step between its versions.
MAY_DIFFER = ("golden.npz", "resampled.h5")
_TORCH = re.compile(
    r"^(?:import|from) (?:torch|safetensors\.torch|bgb_fixtures\.dataset)\b",
    re.MULTILINE,
)
# Tests that are about the newest of a tool, or need torch in a part of a file.
TOO_OLD = {
    "tests/test_scan.py::test_people_get_a_table_and_the_reasons": "click",
    "tests/test_scan.py::test_many_bad_recordings_are_cut_short": "click",
    "tests/test_scan.py::test_wrong_request_is_refused": "click",
    "tests/test_smoke_command.py::test_config_that_is_no_toml_is_refused": "click",
    "tests/test_smoke_command.py::test_target_of_another_form_is_wrong_usage": "click",
    "tests/test_smoke_command.py::test_missing_fixture_is_one_line": "click",
    "tests/test_hostile_sources.py::test_mutations_of_sources_find_nothing": "click",
    "tests/test_web.py::test_build_says_what_was_fetched_and_what_was_there": "click",
    "tests/test_web.py::test_dry_run_and_scan_take_an_address": "click",
    "tests/test_web.py::test_an_address_for_a_source_of_folders_is_wrong_usage": "click",
    "tests/test_web.py::test_verify_does_not_fetch_a_corpus_to_search_for_its_texts": (
        "click"
    ),
    "tests/test_edf.py::test_pyedflib_and_mne_read_the_same_of_a_generated_file": (
        "pyedflib warns of a key of its own"
    ),
    "tests/test_smoke_run.py::test_lazy_module_that_never_ran_is_refused": (
        "torch 2.2 warns of lazy modules"
    ),
}
NEEDS_TORCH = (
    "tests/test_docs.py::test_code_of_the_document_runs",
    "tests/test_golden_plugin.py::test_torch_model_is_traced_and_the_message_names_the_module",
    "tests/test_imports.py::test_reading_side_never_loads_the_builder",
    "tests/test_plugin.py::test_smoke_batch_holds_two_partial_and_two_none_windows_of_train",
)
# Their tools import it.
TOOLS_NEED_TORCH = (
    *("test_bench.py", "test_faults.py", "test_realism.py"),
    "test_smoke_gallery.py",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One set of versions to try.

    Attributes
    ----------
    name : str
        Its folder.
    interpreter : str
        Python to make it with.
    requirements : tuple of str
        What pip is asked for beside this checkout.
    """

    name: str
    interpreter: str
    requirements: tuple[str, ...]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return FOLDER / self.name / "bin" / "python"

    @property
    def files(self) -> Path:
        """The folder of what it writes."""
        return FOLDER / f"{self.name}-files"


def lower_bounds(*extras: str) -> tuple[str, ...]:
    """Return requirements that pin the lower bounds of pyproject.toml.

    Parameters
    ----------
    *extras : str
        Names of extras whose bounds count too.

    Returns
    -------
    requirements : tuple of str
        Such as ``"numpy==1.26.*"``.
    """
    return tuple(
        re.sub(r">=(.*)", r"==\1.*", text).replace(".*.*", ".*")
        for text in _declared(*extras)
    )


def _declared(*extras: str) -> tuple[str, ...]:
    facts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project: dict[str, Any] = facts["project"]
    more = (text for name in extras for text in project["optional-dependencies"][name])
    return (*project["dependencies"], *more)


def environments(pythons: list[str], *, with_torch: bool) -> list[Environment]:
    """Return what to try on this machine.

    Parameters
    ----------
    pythons : list of str
        Interpreters to try the newest versions with, beside the one that runs this.
    with_torch : bool
        Add the lowest torch to the lowest environment.

    Returns
    -------
    environments : list of Environment
        The lowest first.
    """
    extras = (*EXTRAS, "torch") if with_torch else EXTRAS
    newest = (*_declared(*EXTRAS), "--upgrade")
    found = [
        Environment(name="newest", interpreter=sys.executable, requirements=newest)
    ]
    for path in pythons:
        version = _run(path, "-V").split()[1]
        found.append(
            Environment(name=f"newest-{version}", interpreter=path, requirements=newest)
        )
    lowest = (*lower_bounds(*extras), *OF_THEIR_TIME, "pytest==8.0.*", *TEST_TOOLS)
    return [
        Environment(name="lowest", interpreter=sys.executable, requirements=lowest),
        *found,
    ]


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(*command, done.stdout[-4000:], done.stderr[-4000:], sep="\n")
        sys.exit(1)
    return done.stdout


def make(environment: Environment) -> None:
    """Install an environment, or bring it up to date.

    Parameters
    ----------
    environment : Environment
        Kept in its folder for the next time.
    """
    if not environment.python.exists():
        _run(environment.interpreter, "-m", "venv", FOLDER / environment.name)
    pip = (environment.python, "-m", "pip", "install", "--quiet")
    # What it depends on is named before, so that it moves nothing.
    _run(*pip, *environment.requirements)
    _run(*pip, "--no-deps", "--editable", ROOT)


def differences(first: Path, other: Path) -> list[str]:
    """Return the files of two folders that are not the same bytes.

    Parameters
    ----------
    first, other : pathlib.Path
        Folders.

    Returns
    -------
    names : list of str
        Relative paths that are missing in one, or differ.
    """
    names = {
        str(path.relative_to(folder))
        for folder in (first, other)
        for path in folder.rglob("*")
        if path.is_file()
    }
    return sorted(name for name in names if _differ(first / name, other / name))


def _differ(one: Path, two: Path) -> bool:
    if not (one.exists() and two.exists()):
        return True
    return one.read_bytes() != two.read_bytes()


def run_tests(environment: Environment, *, with_torch: bool) -> str:
    """Run the tests that make sense with the lower bounds.

    Parameters
    ----------
    environment : Environment
        The lowest.
    with_torch : bool
        Whether it holds torch.

    Returns
    -------
    line : str
        What pytest counted.
    """
    left_out = [f"--deselect={name}" for name in TOO_OLD]
    if not with_torch:
        left_out += [f"--deselect={name}" for name in NEEDS_TORCH]
        left_out += [
            f"--ignore={path}"
            for path in sorted((ROOT / "tests").glob("test_*.py"))
            if path.name in TOOLS_NEED_TORCH
            or _TORCH.search(path.read_text(encoding="utf-8"))
        ]
    pytest = (environment.python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    out = _run(*pytest, "-n", str(os.cpu_count()), "-m", "not slow", *left_out)
    return out.strip().splitlines()[-1].strip("= ")


def main() -> None:
    """Try all environments; the exit code is 1 if anything differs or fails."""
    parser = argparse.ArgumentParser(description="lowest and newest dependencies")
    parser.add_argument("--torch", action="store_true", help="lowest torch too: 5 GB")
    parser.add_argument("--no-tests", action="store_true", help="files only")
    parser.add_argument("--python", action="append", default=[], metavar="PATH")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    tried = environments(options.python, with_torch=options.torch)
    versions = {}
    for environment in tried:
        make(environment)
        answer = _run(environment.python, FILES, "write", environment.files)
        versions[environment.name] = json.loads(answer)["versions"]
    bad = _compare(tried, versions)
    if not options.no_tests:
        print("tests, lowest:", run_tests(tried[0], with_torch=options.torch))
    sys.exit(bad)


def _compare(tried: list[Environment], versions: dict[str, dict[str, str]]) -> bool:
    columns = sorted({key for facts in versions.values() for key in facts})
    print("| environment |", " | ".join(columns), "| files written | read |")
    print("| --- |" + " --- |" * (len(columns) + 2))
    expected = _read_all(tried[0], tried)
    bad = False
    for environment in tried:
        differ = differences(tried[0].files, environment.files)
        unexpected = [name for name in differ if name not in MAY_DIFFER]
        n_files = sum(path.is_file() for path in environment.files.rglob("*"))
        agree = _read_all(environment, tried) == expected
        facts = (versions[environment.name].get(key, "-") for key in columns)
        print(
            f"| {environment.name} |",
            " | ".join(facts),
            f"| {n_files}; differ: {', '.join(differ) or 'none'}",
            f"| {len(expected)} files {'equal' if agree else 'DIFFER'} |",
        )
        bad = bad or bool(unexpected) or not agree
    return bad


def _read_all(reader: Environment, tried: list[Environment]) -> dict[str, str]:
    """Return what one environment reads of the files that each wrote."""
    return {
        f"{writer.name}/{name}": digest
        for writer in tried
        for name, digest in json.loads(
            _run(reader.python, FILES, "read", writer.files)
        )["digests"].items()
    }


if __name__ == "__main__":
    main()
