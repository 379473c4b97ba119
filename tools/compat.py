"""Test the package with the lowest and the newest versions of its dependencies.

``python tools/compat.py`` creates environments in ``build/compat``, which it reuses:
one with the lower bounds of pyproject.toml, one with the newest versions. Each writes
one of each kind of file (tools/compat_files.py). The files are compared byte by byte,
each environment reads those of the others, and the tests run with the lower bounds.
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

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "compat"
FILES = ROOT / "tools" / "compat_files.py"
EXTRAS = ("build", "report", "score")
# Upper bounds that the lowest mne and matplotlib need but do not declare: mne 1.6
# imports a function that scipy 1.17 removed, and matplotlib 3.8 uses a deprecated API
# of pyparsing 3.3.
OF_THEIR_TIME = ("scipy==1.11.*", "pyparsing<3.3")
TEST_TOOLS = (
    *("pytest==8.0.*", "pytest-xdist", "hypothesis", "threadpoolctl"),
    *("safetensors", "hatchling", "pyedflib"),
)
# A golden records its environment (G4 of DATA.md); signals filtered by scipy may differ
# by one step between its versions.
MAY_DIFFER = {"golden.npz", "resampled.h5"}
_TORCH = re.compile(
    r"^(?:import|from) (?:torch|safetensors\.torch|bgb_fixtures\.dataset)\b",
    re.MULTILINE,
)
# Tests that depend on later changes of click or pyedflib, or on warnings of torch 2.2.
TOO_OLD = [
    "test_scan.py::test_people_get_a_table_and_the_reasons",
    "test_scan.py::test_many_bad_recordings_are_cut_short",
    "test_scan.py::test_wrong_request_is_refused",
    "test_scan.py::test_an_empty_folder_holds_nothing",
    "test_scan.py::test_scan_fails_and_says_what_helps_if_nothing_can_be_used[as_json",
    "test_scan.py::test_real_summaries_hold_141_seizures",
    "test_adapt.py::test_a_rate_of_0_is_refused_and_not_taken_for_none",
    "test_labels.py::test_kinds_that_exist_are_not_said_to_be_missing",
    "test_smoke_command.py::test_config_that_is_no_toml_is_refused",
    "test_smoke_command.py::test_target_of_another_form_is_wrong_usage",
    "test_smoke_command.py::test_missing_fixture_is_one_line",
    "test_mutations.py::test_mutations_are_refused_or_read_right[folder]",
    "test_web.py::test_build_says_what_was_fetched_and_what_was_there",
    "test_web.py::test_dry_run_and_scan_take_an_address",
    "test_web.py::test_an_address_for_a_source_of_folders_is_wrong_usage",
    "test_web.py::test_verify_does_not_fetch_a_corpus_to_search_for_its_texts",
    "test_edf.py::test_pyedflib_and_mne_read_the_same_of_a_generated_file",
    "test_smoke_run.py::test_lazy_module_that_never_ran_is_refused",
]
NEEDS_TORCH = [
    "test_docs.py::test_code_of_the_document_runs",
    "test_golden_plugin.py::test_torch_model_is_traced_and_the_message_names_the_module",
    "test_imports.py::test_reading_side_never_loads_the_builder",
    "test_plugin.py::test_smoke_batch_holds_two_partial_and_two_none_windows_of_train",
]
# Tests of what imports torch in a process of its own.
TOOLS_NEED_TORCH = (
    *("test_bench.py", "test_faults.py", "test_realism.py"),
    *("test_smoke_gallery.py", "test_action.py"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One set of versions: its name, Python interpreter and pip requirements."""

    name: str
    interpreter: str
    requirements: tuple[str, ...]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return FOLDER / self.name / "bin" / "python"

    @property
    def files(self) -> Path:
        """The folder of the files that it writes."""
        return FOLDER / f"{self.name}-files"


def declared(*extras: str) -> tuple[str, ...]:
    """Return the requirements in pyproject.toml."""
    facts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = facts["project"]
    more = (text for name in extras for text in project["optional-dependencies"][name])
    return (*project["dependencies"], *more)


def lower_bounds(*extras: str) -> tuple[str, ...]:
    """Return requirements such as ``"numpy==1.26.*"`` that pin the lower bounds."""
    return tuple(re.sub(r">=(.*)", r"==\1.*", text) for text in declared(*extras))


def environments(pythons: list[str], *, with_torch: bool) -> list[Environment]:
    """Return the environments to test on this machine, the lowest versions first."""
    extras = (*EXTRAS, "torch") if with_torch else EXTRAS
    lowest = (*lower_bounds(*extras), *OF_THEIR_TIME, *TEST_TOOLS)
    newest = (*declared(*EXTRAS), "--upgrade")
    here = sys.executable
    return [
        Environment(name="lowest", interpreter=here, requirements=lowest),
        Environment(name="newest", interpreter=here, requirements=newest),
        *(
            Environment(
                name=f"newest-{run(path, '-V').split()[1]}",
                interpreter=path,
                requirements=newest,
            )
            for path in pythons
        ),
    ]


def run(*command: str | Path) -> str:
    """Run a command and return its output; exit if it fails."""
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(*command, done.stdout[-4000:], done.stderr[-4000:], sep="\n")
        sys.exit(1)
    return done.stdout


def make(environment: Environment) -> None:
    """Install or update an environment."""
    if not environment.python.exists():
        run(environment.interpreter, "-m", "venv", FOLDER / environment.name)
    pip = (environment.python, "-m", "pip", "install", "--quiet")
    # Install dependencies first, so that the package itself changes none of them.
    run(*pip, *environment.requirements)
    run(*pip, "--no-deps", "--editable", ROOT)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file in a folder by its relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run_tests(environment: Environment, *, with_torch: bool) -> str:
    """Run the tests that apply to the lower bounds; return the summary of pytest."""
    left_out = [f"--deselect=tests/{name}" for name in TOO_OLD]
    if not with_torch:
        left_out += [f"--deselect=tests/{name}" for name in NEEDS_TORCH]
        left_out += [
            f"--ignore={path}"
            for path in sorted((ROOT / "tests").glob("test_*.py"))
            if path.name in TOOLS_NEED_TORCH
            or _TORCH.search(path.read_text(encoding="utf-8"))
        ]
    pytest = (environment.python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    out = run(*pytest, "-n", str(os.cpu_count()), "-m", "not slow", *left_out)
    return out.strip().splitlines()[-1].strip("= ")


def compare(tried: list[Environment]) -> bool:
    """Write and read files in each environment; return whether any differ."""
    versions = {}
    for environment in tried:
        answer = run(environment.python, FILES, "write", environment.files)
        versions[environment.name] = json.loads(answer)["versions"]
    columns = sorted({key for facts in versions.values() for key in facts})
    print("| environment |", " | ".join(columns), "| files written | files read |")
    print("| --- |" + " --- |" * (len(columns) + 2))
    lowest = contents(tried[0].files)
    expected = read_all(tried[0], tried)
    bad = False
    for environment in tried:
        written = contents(environment.files)
        names = sorted(written.keys() | lowest.keys())
        differ = [name for name in names if written.get(name) != lowest.get(name)]
        agree = read_all(environment, tried) == expected
        facts = (versions[environment.name].get(key, "-") for key in columns)
        print(
            f"| {environment.name} |",
            " | ".join(facts),
            f"| {len(written)}; differ: {', '.join(differ) or 'none'}",
            f"| {len(expected)} {'equal' if agree else 'DIFFER'} |",
        )
        bad = bad or not agree or not MAY_DIFFER.issuperset(differ)
    return bad


def read_all(reader: Environment, tried: list[Environment]) -> dict[str, str]:
    """Return a digest of the content that one environment reads from each file."""
    digests = {}
    for writer in tried:
        answer = json.loads(run(reader.python, FILES, "read", writer.files))
        for name, digest in answer["digests"].items():
            digests[f"{writer.name}/{name}"] = digest
    return digests


def main() -> None:
    """Test all environments; the exit code is 1 if anything differs or fails."""
    parser = argparse.ArgumentParser(description="Lowest and newest dependencies.")
    parser.add_argument(
        "--torch", action="store_true", help="Try the lowest torch, too: 5 GB on Linux."
    )
    parser.add_argument("--no-tests", action="store_true", help="Compare files only.")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PATH",
        help="Try the newest with this Python, too; may be repeated.",
    )
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    tried = environments(options.python, with_torch=options.torch)
    for environment in tried:
        make(environment)
    bad = compare(tried)
    if not options.no_tests:
        print("tests, lowest:", run_tests(tried[0], with_torch=options.torch))
    sys.exit(bad)


if __name__ == "__main__":
    main()
