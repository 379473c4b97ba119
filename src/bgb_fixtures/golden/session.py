"""Summary of what the tests of a pytest run, in all its processes, did with goldens.

Invariant: this module imports only pytest, as the pytest plugin imports it in every
run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bgb_fixtures.golden.check import GoldenChecker, Log

__all__ = ["GoldenSession", "add_golden_options"]


def add_golden_options(group: pytest.OptionGroup) -> None:
    """Add the options that update, list and remove goldens."""
    group.addoption(
        "--bgb-golden-update",
        action="store_true",
        help="Rewrite the goldens that no longer match, for the tests of this run, "
        "and list the changes. Refused under CI.",
    )
    group.addoption(
        "--bgb-golden-update-in-ci",
        action="store_true",
        help="Like --bgb-golden-update, but allowed under CI.",
    )
    group.addoption(
        "--bgb-golden-unused",
        action="store_true",
        help="List the goldens whose test is gone or no longer uses them.",
    )
    group.addoption(
        "--bgb-golden-prune",
        action="store_true",
        help="List unused goldens and delete them. Refused under CI.",
    )


class GoldenSession:
    """Collector of what the tests of a run, in all its processes, did with goldens.

    Each test report carries the outcomes of its test as an attribute, so that they also
    reach the main process under xdist.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        # Created when a test first uses a golden, which never happens in most runs.
        self._log: Log | None = None
        # Outcome, file and note of each check.
        self._entries: list[tuple[str, str, str]] = []
        self._passed: dict[str, bool] = {}
        # Node id -> test file, and whether the test uses goldens.
        self._tests: dict[str, tuple[str, bool]] = {}
        # Test file -> whether all of its tests were collected.
        self._files: dict[str, bool] = {}
        self._prunes = bool(config.getoption("--bgb-golden-prune"))
        self._lists = self._prunes or bool(config.getoption("--bgb-golden-unused"))

    @classmethod
    def begin(cls, config: pytest.Config) -> Self:
        """Start to follow a run; refuse to change goldens under CI."""
        goldens = cls(config)
        config.pluginmanager.register(goldens, "bgb-fixtures-goldens")
        writing = [
            option
            for option in ("--bgb-golden-update", "--bgb-golden-prune")
            if config.getoption(option)
        ]
        if not writing or config.getoption("--bgb-golden-update-in-ci"):
            return goldens
        from bgb_fixtures.golden.ci import ci_variable

        variable = ci_variable()
        if variable is not None:
            msg = (
                f"{writing[0]} is refused under CI ({variable} is set). Run it on your "
                "machine, or set CI=false"
            )
            raise pytest.UsageError(msg)
        return goldens

    def checker(self, request: pytest.FixtureRequest) -> GoldenChecker:
        """Return the checker for the goldens of one test."""
        from bgb_fixtures.golden.check import GoldenChecker

        return GoldenChecker(
            folder=request.path.parent / "golden" / request.path.stem,
            nodeid=request.node.nodeid,
            updating=self._config.getoption("--bgb-golden-update")
            or self._config.getoption("--bgb-golden-update-in-ci"),
            log=self.log,
        )

    @property
    def log(self) -> Log:
        """Return the log that the tests of this process write to."""
        if self._log is None:
            from bgb_fixtures.golden.check import Log

            self._log = Log()
        return self._log

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Iterator[None]:
        """Remember which test files were collected, and whether there was an error."""
        outcome: Any = yield
        report = outcome.get_result()
        file = collector.getparent(pytest.File)  # type: ignore[type-abstract]
        if self._lists and file is not None:
            so_far = self._files.get(str(file.path), True)
            self._files[str(file.path)] = so_far and report.passed

    # Run before -k, -m and --deselect remove tests.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Remember all tests, including those that will be deselected."""
        if not self._lists:
            return
        for item in items:
            asks = "golden" in getattr(item, "fixturenames", ())
            self._tests[item.nodeid] = (str(item.path), asks)
        folder = self._config.invocation_params.dir
        for argument in self._config.args:
            file, has_test, _ = argument.partition("::")
            if has_test:
                self._files[str((folder / file).resolve())] = False
        if self._config.getoption("lf", default=False):
            self._files = dict.fromkeys(self._files, False)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        """Attach the golden outcomes of a test to its report."""
        outcome: Any = yield
        if self._log is not None and self._log.entries:
            outcome.get_result().bgb_goldens = self._log.entries[:]
            self._log.entries.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the outcomes in a report from this process or an xdist worker."""
        self._entries += [tuple(e) for e in getattr(report, "bgb_goldens", ())]
        if report.when == "call" or report.failed:
            self._passed[report.nodeid] = report.passed

    def pytest_sessionfinish(self) -> None:
        """Send what an xdist worker collected to the main process."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None and self._lists:
            output["bgb_goldens"] = (self._tests, self._files)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add what an xdist worker collected."""
        tests, files = getattr(node, "workeroutput", {}).get("bgb_goldens", ({}, {}))
        self._tests |= {name: tuple(facts) for name, facts in tests.items()}
        self._files |= files

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Report counts of outcomes, and list updates and unused goldens."""
        notes = sorted(note for _, _, note in self._entries if note)
        if notes:
            terminalreporter.section("updated goldens")
            for note in notes:
                terminalreporter.write_line(note)
        if self._lists:
            self._list_unused(terminalreporter)
        outcomes = [outcome for outcome, _, _ in self._entries]
        parts = [
            f"{outcomes.count(outcome)} {outcome}"
            for outcome in ("written", "missing", "differed", "updated", "refused")
            if outcome in outcomes
        ]
        if parts:
            terminalreporter.write_line(f"goldens: {', '.join(parts)}")

    def _list_unused(self, terminalreporter: pytest.TerminalReporter) -> None:
        from pathlib import Path

        from bgb_fixtures.golden.unused import Collected, find_unused, remove_unused

        terminalreporter.section("unused goldens")
        if not self._tests:
            terminalreporter.write_line("unknown, because no test was collected")
            return
        tests: dict[Path, dict[str, bool]] = {}
        for nodeid, (file, asks) in self._tests.items():
            tests.setdefault(Path(file), {})[nodeid.partition("::")[2]] = asks
        unused = find_unused(
            Collected(
                tests=tests,
                complete={Path(file) for file, whole in self._files.items() if whole},
                passed={
                    (Path(self._tests[nodeid][0]), nodeid.partition("::")[2])
                    for nodeid, passed in self._passed.items()
                    if passed and nodeid in self._tests
                },
                used={Path(path) for _, path, _ in self._entries},
                written={
                    Path(path) for what, path, _ in self._entries if what == "written"
                },
            )
        )
        folder = self._config.invocation_params.dir
        for golden in unused:
            path = golden.path
            shown = path.relative_to(folder) if path.is_relative_to(folder) else path
            terminalreporter.write_line(f"{shown}: {golden.reason}")
        if not unused:
            terminalreporter.write_line("none")
        elif self._prunes:
            remove_unused(unused)
            plural = "s" * (len(unused) != 1)
            terminalreporter.write_line(f"removed {len(unused)} golden{plural}")
