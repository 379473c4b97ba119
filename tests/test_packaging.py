"""The wheel: what a user gets from an index, in an environment with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command outside the checkout; return what it printed."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Build what is published of this checkout: a wheel, and the sdist it is made of."""
    folder = tmp_path_factory.mktemp("archives")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    run(*build, ROOT, cwd=folder)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def wheel(archives: list[Path]) -> Path:
    return archives[0]


def test_archives_can_be_published(archives: list[Path], tmp_path: Path) -> None:
    assert [path.suffix for path in archives] == [".whl", ".gz"]
    check = (sys.executable, "-m", "twine", "check", "--strict")
    assert run(*check, *archives, cwd=tmp_path).count("PASSED") == 2


@pytest.fixture(scope="module")
def empty_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel and its base dependencies in an environment of its own."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    # Modules that are imported are compiled then: few of all.
    run(*pip, "--disable-pip-version-check", "--no-compile", wheel, cwd=folder)
    return python


def test_wheel_holds_fixtures_specs_licence_and_type_marker(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    expected = {
        "bgb_fixtures/fixtures/smoke.h5",
        "bgb_fixtures/fixtures/smoke.toml",
        "bgb_fixtures/fixtures/specs/chbmit-smoke.toml",
        "bgb_fixtures/fixtures/specs/smoke-1.toml",
        "bgb_fixtures/fixtures/specs/tiny-1.toml",
        "bgb_fixtures/fixtures/tiny.h5",
        "bgb_fixtures/fixtures/tiny.toml",
        "bgb_fixtures/py.typed",
    }
    assert expected <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_wheel_loads_its_fixture_with_base_dependencies_only(
    empty_environment: Path, tmp_path: Path
) -> None:
    code = """
import importlib.util, bgb_fixtures
for name in ("torch", "mne", "edfio", "scipy", "matplotlib"):
    assert importlib.util.find_spec(name) is None, name
fixture = bgb_fixtures.load_fixture()
print(fixture.signals.shape, int(fixture.labels.max()), fixture.windows[0].kind)
"""
    printed = run(empty_environment, "-c", code, cwd=tmp_path)
    assert printed == "(18, 19, 15360) 1 onset\n"


def test_tensors_without_torch_say_what_to_install(
    empty_environment: Path, tmp_path: Path
) -> None:
    code = """
import bgb_fixtures
try:
    bgb_fixtures.load_fixture("tiny").tensors()
except bgb_fixtures.FixtureError as error:
    print(error)
"""
    printed = run(empty_environment, "-c", code, cwd=tmp_path)
    assert 'pip install "bgb-fixtures[torch]"' in printed


def test_command_of_the_wheel_builds_what_the_wheel_ships(
    empty_environment: Path, tmp_path: Path
) -> None:
    command = empty_environment.with_name("bgb-fixtures")
    run(command, "build", cwd=tmp_path)
    code = "import bgb_fixtures; print(bgb_fixtures.load_fixture().path)"
    shipped = Path(run(empty_environment, "-c", code, cwd=tmp_path).strip())
    assert (tmp_path / "smoke.h5").read_bytes() == shipped.read_bytes()
    assert "verified" in run(command, "verify", "smoke.h5", cwd=tmp_path)


def test_editable_install_finds_the_fixtures_of_the_checkout() -> None:
    from bgb_fixtures.fixture import packaged_dir

    # The environment that runs this is such an install (make test).
    assert packaged_dir() == ROOT / "fixtures"
