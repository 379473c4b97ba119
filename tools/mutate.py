"""Mutation testing of the format, the loader and the EDF reader, with mutmut 3.

    python tools/mutate.py FOLDER [PATTERN ...]

Works on a fresh copy of the working tree in FOLDER. A PATTERN such as ``*loader*``
selects mutants by name. Prints the number of killed mutants by module, and the original
and mutated line of every survivor.

In addition to the mutations of mutmut, calls and raise statements are removed,
conditions are replaced by true and by false, and decorated functions are included.
Messages (tests match only their helpful part) and ``strict`` of zip are not mutated.
mutmut itself does not mutate constants of a module.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import libcst as cst
from mutmut.mutation import file_mutation, mutators

if TYPE_CHECKING:
    from collections.abc import Iterable

MODULES = (
    *("format/layout", "format/map", "format/records", "format/hdf5"),
    *("verify", "fixture", "edf/source", "edf/records", "edf/header"),
)
TESTS = (
    *("container", "mapping", "format", "refusals", "hostile", "verify", "loader"),
    *("dataset", "adapt", "edf", "edf_source", "record_reader", "odd_recordings"),
    *("signals", "preprocess"),
)
# These use random input or every byte of a file: slow, and not needed for any mutant.
SLOW = "crash the_rest_is synthetic command"
_WORDS = {"where", "what", "field", "expected", "got", "strict"}
_FAILURES = {"fail", "_fail"}
_KILLED = {"killed", "timeout", "segfault"}


def _drop_call(node: cst.Expr) -> Iterable[cst.Pass]:
    if isinstance(node.value, cst.Call):
        yield cst.Pass()


def _drop_raise(_: cst.Raise) -> Iterable[cst.Pass]:
    yield cst.Pass()


def _decide(node: cst.If) -> Iterable[cst.If]:
    for word in ("True", "False"):
        yield node.with_changes(test=cst.parse_expression(f"({word})"))


def _drop_argument(node: cst.Call) -> Iterable[cst.Call]:
    for mutant in mutators.operator_arg_removal(node):
        kept = {id(argument) for argument in mutant.args}
        gone = [argument for argument in node.args if id(argument) not in kept]
        if not any(a.keyword and a.keyword.value in _WORDS for a in gone):
            yield mutant


def _is_message(node: cst.CSTNode) -> bool:
    match node:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value="msg"))]):
            return True
        case cst.Call(func=cst.Name(value=name)):
            return name in _FAILURES
        case cst.Arg(keyword=cst.Name(value=name)):
            return name in _WORDS
    return False


class _Undecorate(cst.CSTTransformer):  # type: ignore[misc]
    """Turn ``@decorator def f`` into ``def f; f = decorator(f)``: mutmut skips it."""

    def leave_FunctionDef(  # noqa: N802
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> Any:
        if len(original_node.decorators) != 1:
            return updated_node
        name, decorator = updated_node.name, updated_node.decorators[0].decorator
        again = cst.Assign(
            [cst.AssignTarget(name)], cst.Call(decorator, [cst.Arg(name)])
        )
        plain = updated_node.with_changes(decorators=[])
        return cst.FlattenSentinel([plain, cst.SimpleStatementLine([again])])


def _copy_tree(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if Path(name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, folder / name)
    for name in MODULES:
        path = folder / f"src/bgb_fixtures/{name}.py"
        path.write_text(cst.parse_module(path.read_text()).visit(_Undecorate()).code)
    names = " and ".join(f"not {word}" for word in SLOW.split())
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"src/bgb_fixtures/{name}.py" for name in MODULES],
        "also_copy": ["fixtures", "docs", "tools", "README.md", "DATA.md"],
        "pytest_add_cli_args": [
            *("-p", "no:cacheprovider", "-m", "not edf", "-k", names),
            # A mutant that waits for a FIFO uses no time of the processor.
            *("-o", "faulthandler_timeout=120"),
            *("-o", "faulthandler_exit_on_timeout=true"),
        ],
        "pytest_add_cli_args_test_selection": [f"tests/test_{t}.py" for t in TESTS],
    }
    with (folder / "pyproject.toml").open("a") as file:
        file.write("\n[tool.mutmut]\nuse_git_change_detection = false\n")
        file.writelines(f"{key} = {value!r}\n" for key, value in settings.items())


def _add_operators() -> None:
    skip = file_mutation.MutationVisitor._skip_node_and_children

    def skip_messages(self: Any, node: cst.CSTNode) -> bool:
        return _is_message(node) or bool(skip(self, node))

    file_mutation.MutationVisitor._skip_node_and_children = skip_messages
    known = [
        (kind, _drop_argument if change is mutators.operator_arg_removal else change)
        for kind, change in mutators.mutation_operators
    ]
    file_mutation.mutation_operators = [
        *known,
        (cst.Expr, _drop_call),
        (cst.Raise, _drop_raise),
        (cst.If, _decide),
    ]


def _report(patterns: list[str]) -> None:
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    print(f"\n{'module':<15} {'killed':>7} {'of':>6}")
    survivors = []
    for name in MODULES:
        data = SourceFileMutationData(path=Path(f"src/bgb_fixtures/{name}.py"))
        data.load()
        chosen = {
            mutant: status_by_exit_code[code]
            for mutant, code in data.exit_code_by_key.items()
            if not patterns or any(fnmatch.fnmatch(mutant, p) for p in patterns)
        }
        counts = Counter(chosen.values())
        killed = sum(counts[status] for status in _KILLED)
        others = {key: n for key, n in counts.items() if key not in _KILLED}
        print(f"{name:<15} {killed:>7} {len(chosen):>6} {others or ''}")
        survivors += [m for m, status in chosen.items() if status not in _KILLED]
    for mutant in survivors:
        print(f"\n{mutant}")
        for line in get_diff_for_mutant(mutant).splitlines()[2:]:
            if line.startswith(("-", "+")):
                print(line)


def main(folder: Path, patterns: list[str]) -> None:
    """Run the mutants in a copy and print the score and the survivors."""
    _copy_tree(folder)
    _add_operators()
    os.chdir(folder)
    # Make subprocesses of tests import the mutants, and hypothesis draw the same
    # values.
    os.environ |= {"PYTHONPATH": str(Path("mutants/src").absolute()), "CI": "1"}
    os.environ["READ_HERE"] = "1"
    from mutmut.__main__ import _run

    _run(patterns, os.cpu_count())
    _report(patterns)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
