"""What an import loads: the reading side is light, and stays so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import bgb_fixtures.synthetic

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


def test_reading_recordings_and_annotations_loads_no_hdf5() -> None:
    expected, _ = run("import numpy")
    packages, _ = run(
        "import bgb_fixtures.edf.records\n"
        "from bgb_fixtures.corpora.scan import scan_source\n"
        "from bgb_fixtures.corpora import get_source"
    )
    assert packages == expected | {"bgb_fixtures"}


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
