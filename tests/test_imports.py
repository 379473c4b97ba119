"""What an import loads: the reading side is light, and imports point one way."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import bgb_fixtures.synthetic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPORT = """
import json, sys
before = set(sys.modules)
{code}
new = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(json.dumps([sorted(new - set(sys.stdlib_module_names)), sorted(sys.modules)]))
"""
READING = [
    "dataset",
    "errors",
    "eeg.events",
    "format.records",
    "fixture",
    "verify",
]


def run(code: str, *arguments: str) -> tuple[set[str], set[str]]:
    """Run code in a new interpreter; return packages and modules that it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT.format(code=code), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    packages, modules = json.loads(done.stdout.splitlines()[-1])
    return set(packages), set(modules)


def test_package_loads_nothing_but_the_standard_library() -> None:
    packages, _ = run("import bgb_fixtures")
    assert packages == {"bgb_fixtures"}


def test_package_itself_loads_no_module_of_its_own() -> None:
    _, modules = run("import bgb_fixtures")
    assert {name for name in modules if name.startswith("bgb_fixtures.")} == set()


def test_plugin_loads_nothing_but_pytest() -> None:
    expected, _ = run("import pytest")
    packages, _ = run("import pytest, bgb_fixtures.pytest_plugin")
    assert packages == expected | {"bgb_fixtures"}


def test_load_fixture_loads_numpy_only(small_fixture: Path) -> None:
    expected, _ = run("import numpy")
    packages, modules = run(
        "from bgb_fixtures import load_fixture\n"
        "fixture = load_fixture(sys.argv[1])\n"
        "fixture.windows, fixture.select(split='dev').microvolts()",
        str(small_fixture),
    )
    assert packages == expected | {"bgb_fixtures"}
    assert "h5py" not in modules


READ_RECORDING = """
from bgb_fixtures.corpora import open_corpus
from bgb_fixtures.corpora.find import usable_recordings
from bgb_fixtures.corpora.opened import OpenRecordings
from bgb_fixtures.corpora.scan import scan_corpus
from bgb_fixtures.eeg.montage import find_montage
corpus = open_corpus("chbmit", sys.argv[1])
scan_corpus(corpus)
(recording, *_), _ = usable_recordings(corpus)
with OpenRecordings(corpus) as opened:
    opened.open(recording).signal(find_montage("double-banana")).read(0, 256)
"""


def test_reading_recordings_and_annotations_loads_no_hdf5_and_no_http_client(
    chbmit: Path,
) -> None:
    expected, _ = run("import numpy")
    packages, modules = run(READ_RECORDING, str(chbmit))
    assert packages == expected | {"bgb_fixtures"}
    assert not any(name.startswith("bgb_fixtures.corpora.remote") for name in modules)


@pytest.mark.parametrize("command", ["build", "scan"])
def test_a_command_on_a_local_copy_loads_no_http_client(
    command: str, chbmit: Path, tmp_path: Path
) -> None:
    words = [command, "--source", "chbmit", "--root", str(chbmit)]
    if command == "build":
        words += ["--window-length", "4", "--out", str(tmp_path / "a.h5")]
        words += ["--save-spec", str(tmp_path / "a.toml")]
    packages, modules = run(
        "from bgb_fixtures.cli import main\nmain(sys.argv[1:], standalone_mode=False)",
        *words,
    )
    assert "requests" not in packages
    assert not any(name.startswith("bgb_fixtures.corpora.remote") for name in modules)


def test_help_of_the_command_line_loads_no_heavy_package() -> None:
    packages, _ = run(
        "from bgb_fixtures.cli import main\nmain(['--help'], standalone_mode=False)"
    )
    assert packages == {"bgb_fixtures", "click"}


@pytest.mark.parametrize("name", READING)
def test_reading_side_never_loads_the_builder(name: str) -> None:
    _, modules = run(f"import bgb_fixtures.{name}")
    assert not any(module.startswith("bgb_fixtures.build") for module in modules)


def test_generator_knows_no_request() -> None:
    _, modules = run("import bgb_fixtures.synthetic.recording")
    assert not any(module.startswith("bgb_fixtures.request") for module in modules)


def test_generator_names_no_request_not_even_for_types() -> None:
    sources = Path(bgb_fixtures.synthetic.__file__).parent.rglob("*.py")
    named = [
        path.name for path in sources if "bgb_fixtures.request" in path.read_text()
    ]
    assert named == []


def test_public_names_are_listed_and_loaded_at_first_use() -> None:
    code = (
        "import bgb_fixtures\n"
        "assert set(bgb_fixtures.__all__) <= set(dir(bgb_fixtures))\n"
        "[getattr(bgb_fixtures, name) for name in bgb_fixtures.__all__]"
    )
    _, modules = run(code)
    assert "bgb_fixtures.fixture" in modules


def test_unknown_public_name_is_an_attribute_error() -> None:
    import bgb_fixtures

    with pytest.raises(
        AttributeError, match="'bgb_fixtures' has no attribute 'nonsense'"
    ):
        _ = bgb_fixtures.nonsense


# Imports point one way: from the import statements of the source

SOURCE = Path(__file__).parents[1] / "src" / "bgb_fixtures"
CORPORA = ("bids", "chbmit", "plain", "siena", "tusz")
# Room -> the rooms that it imports when it is imported. A room is a folder or a module at
# the top; in `corpora` each corpus is one, the web another, and what they share a third.
# The twin of a corpus and the export to its layout are kept with the corpus, and belong to
# `corpora.twin` and `export`, which find them there.
ALLOWED = {
    # What the field and the formats are.
    "errors": "",
    "eeg": "errors",
    "staging": "errors",
    "format": "eeg errors staging",
    "edf": "eeg errors",
    "synthetic": "eeg",
    "request": "eeg errors format synthetic",
    # Reading a fixture, and what is done with one.
    "fixture": "eeg errors format",
    "verify": "errors fixture format",
    "dataset": "errors fixture",
    "adapters": "eeg errors fixture",
    "memory": "eeg fixture format",
    "adapt": "eeg errors format memory",
    "shaped": "errors fixture",
    "diff": "",
    "report": "eeg errors fixture format staging verify",
    "golden": "__init__ eeg errors format report staging",
    "export": "corpora.bids corpora.tusz edf eeg errors fixture staging",
    "smoke": "__init__ eeg errors export fixture golden",
    # Corpora: of another room, only the annotation format that both know.
    "corpora": "edf eeg errors request",
    "corpora.remote": "__init__ errors staging",
    "corpora.bids": "corpora eeg errors request",
    "corpora.chbmit": "corpora eeg errors",
    "corpora.plain": "corpora corpora.bids corpora.tusz edf eeg errors request",
    "corpora.siena": "corpora corpora.bids eeg errors",
    "corpora.tusz": "corpora eeg",
    "corpora.twin": (
        "corpora corpora.bids corpora.chbmit corpora.siena corpora.tusz edf eeg errors "
        "request staging synthetic"
    ),
    # Making a fixture.
    "build": "corpora edf eeg errors format request staging synthetic",
    "generated": "build eeg format memory request",
    # What users call.
    "__init__": "",
    "__main__": "cli",
    "cli": "__init__ commands errors",
    "commands": "errors smoke",
    # Both import nothing but pytest.
    "pytest_plugin": "golden",
}
# And inside functions, when it is needed: what is heavy, or lies further up.
ALLOWED_LATE = {
    # What was written is proved by loading it.
    "format": "verify",
    # Packaged specs lie beside the packaged fixtures.
    "request": "fixture",
    # Windows that are generated when asked for.
    "dataset": "build eeg request",
    # A method of Fixture, in a module of its own.
    "fixture": "adapt",
    # A corpus is opened by its name, and a web address by its scheme.
    "corpora": " ".join(f"corpora.{name}" for name in (*CORPORA, "remote")),
    # Each command loads what it does.
    "commands": (
        "adapt build corpora corpora.remote corpora.twin diff eeg export fixture format "
        "golden report request verify"
    ),
    # A second run with another seed, which smoke sets as well; the fixture that a golden
    # names, if it is here.
    "golden": "fixture smoke",
    "pytest_plugin": "errors shaped",
}
# What a room of `corpora` reads in the format of another.
SHARED_FORMATS = {
    ("plain", "bids.events"),
    ("plain", "tusz.csv"),
    ("plain", "tusz.labels"),
    ("siena", "bids.events"),
}


class Import(NamedTuple):
    """An import statement: of which module, of which, and whether in a function."""

    importer: str
    imported: str
    late: bool


def modules_of_the_source() -> dict[str, Path]:
    """Return the path of each module, by its name without the package."""
    named = {}
    for path in SOURCE.rglob("*.py"):
        *folders, last = path.relative_to(SOURCE).with_suffix("").parts
        parts = folders if last == "__init__" and folders else [*folders, last]
        named[".".join(parts)] = path
    return named


def iter_imports() -> Iterator[Import]:
    """Yield every import of our own, but for those of type checkers: they load nothing."""
    modules = modules_of_the_source()

    def visit(name: str, node: ast.AST, *, late: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.Import):
                ours = [a.name for a in child.names if "bgb_fixtures" in a.name]
                assert not ours, f"{name}: write 'from {ours[0]} import ...'"
            if isinstance(child, ast.ImportFrom):
                package, _, module = (child.module or "").partition(".")
                for alias in child.names if package == "bgb_fixtures" else ():
                    inner = f"{module}.{alias.name}".lstrip(".")
                    imported = inner if inner in modules else module or "__init__"
                    yield Import(name, imported, late)
            in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from visit(name, child, late=late or in_function)

    for name, path in modules.items():
        yield from visit(name, ast.parse(path.read_text("utf-8")), late=False)


def room_of(module: str) -> str:
    first, *rest = module.split(".")
    if first != "corpora" or not rest:
        return first
    if rest[0] in CORPORA and rest[-1] == "export":
        return "export"
    if rest[0] in CORPORA and rest[-1] == "twin":
        return "corpora.twin"
    return f"corpora.{rest[0]}" if rest[0] in (*CORPORA, "remote", "twin") else first


def table(allowed: Mapping[str, str]) -> set[tuple[str, str]]:
    return {
        (room, other) for room, others in allowed.items() for other in others.split()
    }


def test_every_room_is_in_the_table() -> None:
    assert {room_of(module) for module in modules_of_the_source()} == ALLOWED.keys()


def test_rooms_import_what_the_table_allows_and_nothing_else() -> None:
    allowed, late = table(ALLOWED), table(ALLOWED_LATE)
    wrong = [
        f"{found.importer} imports {found.imported}"
        + (" in a function" if found.late else "")
        for found in iter_imports()
        for pair in [(room_of(found.importer), room_of(found.imported))]
        if pair[0] != pair[1] and pair not in allowed
        if not (found.late and pair in late)
    ]
    assert wrong == []


def test_the_table_allows_nothing_that_is_not_used() -> None:
    used: dict[bool, set[tuple[str, str]]] = defaultdict(set)
    for found in iter_imports():
        used[found.late].add((room_of(found.importer), room_of(found.imported)))
    assert table(ALLOWED) - used[False] == set()
    assert table(ALLOWED_LATE) - used[True] == set()


def test_no_two_rooms_import_each_other() -> None:
    # A cycle raises graphlib.CycleError, which names the rooms in it.
    order = list(
        TopologicalSorter({k: v.split() for k, v in ALLOWED.items()}).static_order()
    )
    assert order.index("eeg") < order.index("format") < order.index("fixture")
    assert order.index("request") < order.index("build")
    assert order.index("edf") < order.index("corpora") < order.index("build")


def test_of_another_corpus_only_the_annotation_format_is_read() -> None:
    across = set()
    for found in iter_imports():
        importer, imported = (
            name.removeprefix("corpora.").partition(".")[::2]
            for name in (found.importer, found.imported)
        )
        if {importer[0], imported[0]} <= {*CORPORA} and importer[0] != imported[0]:
            across.add((importer[0], ".".join(imported)))
    assert across == SHARED_FORMATS
