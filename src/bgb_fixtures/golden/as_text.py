"""Text description of a golden, for `info` and for `git diff`.

Invariant: text for `git diff` depends on the content only, and changes whenever a value
does.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.golden.content import PLAIN
from bgb_fixtures.golden.detections import find_detections, per_sample
from bgb_fixtures.golden.dtypes import widen
from bgb_fixtures.golden.npz import VERSION
from bgb_fixtures.golden.report import allowed, show_size
from bgb_fixtures.golden.values import count_nan

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.golden.content import Golden, Output

__all__ = ["describe_golden", "golden_to_json", "output_to_json"]

_MOST_SHOWN = 20


def describe_golden(golden: Golden, *, as_text: bool = False) -> list[str]:
    """Describe a golden in lines; `as_text` omits the file and shows every value.

    A large array is represented by digests: one per window if it has windows.
    """
    facts = [("golden", f"{golden.name}, format version {VERSION}")]
    if golden.path is not None and not as_text:
        size = golden.path.stat().st_size
        facts.append(("file", f"{golden.path} ({show_size(size)})"))
    facts.append(("test", golden.test or "recorded by bgb-fixtures golden"))
    state = golden.fixture
    if state is not None:
        facts += [
            (
                "fixture",
                (
                    f"{state.name}, content version {state.content_version}, digest "
                    f"{state.digest[:12]}"
                ),
            ),
            (
                "windows",
                (f"{len(state.windows)} of {state.shape}: {' '.join(state.windows)}"),
            ),
        ]
    if golden.layout != PLAIN:
        facts.append(("input", f"layout {golden.layout}"))
    if golden.model is not None:
        facts.append(
            (
                "model",
                (
                    f"{golden.model.n_parameters} parameters, digest "
                    f"{golden.model.digest[:12]}"
                ),
            )
        )
    if golden.trace is not None:
        facts.append(("trace", f"{len(golden.trace.calls)} module calls"))
    lines = [f"{key:<9}{value}" for key, value in facts]
    lines += [
        f"{'env':<9}{name}: {value}" for name, value in golden.environment.items()
    ]
    for key, output in sorted(golden.outputs.items()):
        lines += ["", *_describe_output(key, output, golden, as_text=as_text)]
    return lines


def _describe_output(
    key: str, output: Output, golden: Golden, *, as_text: bool
) -> list[str]:
    tolerance = output.tolerance
    lines = [f"{key}: {output.dtype} {list(output.array.shape)}"]
    if output.dtype in ("None", "empty"):
        return lines
    lines.append(f"  {allowed(tolerance, output.dtype)} ({tolerance.source})")
    if output.dtype == "events":
        return lines + _events(output, golden)
    numbers = output.numbers
    if numbers.size <= _MOST_SHOWN:
        return [*lines, f"  {_shown(numbers)}"]
    lines.append(f"  {_statistics(numbers)}")
    if as_text:
        lines.append(f"  sha256 {hashlib.sha256(output.array.tobytes()).hexdigest()}")
    state = golden.fixture
    if state is None or len(numbers) != len(state.windows):
        return lines
    values = per_sample(numbers, n_windows=len(numbers), n_times=state.n_times)
    for name, row in zip(state.windows, numbers, strict=True):
        words = f"  {name}: {_statistics(row) if row.ndim else _shown(row)}"
        if values is not None and output.threshold is not None:
            found = find_detections(
                row.reshape(-1), threshold=output.threshold, sfreq=state.sfreq
            )
            spans = ", ".join(
                f"{start / state.sfreq:.2f}-{stop / state.sfreq:.2f} s"
                for start, stop in found
            )
            words += f"; detections above {output.threshold:g}: {spans or 'none'}"
        lines.append(words)
    return lines


def _events(output: Output, golden: Golden) -> list[str]:
    names = ("",) if golden.fixture is None else golden.fixture.windows
    lines = []
    for (row, onset, duration), label in zip(
        output.array.tolist(), output.labels, strict=True
    ):
        window = f"{names[int(row)]}: " if names[int(row)] else ""
        words = f"  {window}{onset:.3f}-{onset + duration:.3f} s {label}"
        lines.append(words.rstrip())
    return lines


def _shown(numbers: npt.NDArray[Any]) -> str:
    if numbers.dtype.kind == "U":
        return ", ".join(repr(str(text)) for text in numbers.reshape(-1))
    return ", ".join(str(number) for number in numbers.reshape(-1).tolist())


def _statistics(numbers: npt.NDArray[Any]) -> str:
    if numbers.dtype.kind not in "fiubc":
        return f"{numbers.size} values"
    finite = widen(numbers)
    finite = np.abs(finite) if numbers.dtype.kind == "c" else finite
    finite = finite[np.isfinite(finite)]
    n_nan = count_nan(numbers)
    n_infinite = numbers.size - finite.size - n_nan
    words = [f"{n_nan} NaN"] * bool(n_nan) + [f"{n_infinite} infinite"] * bool(
        n_infinite
    )
    if finite.size:
        words += [
            f"{name} {value:.6g}"
            for name, value in (
                ("min", finite.min()),
                ("median", np.median(finite)),
                ("max", finite.max()),
            )
        ]
    return ", ".join(words)


def golden_to_json(golden: Golden) -> dict[str, Any]:
    """Return the content of a golden as JSON values, with statistics of the arrays."""
    return {
        "name": golden.name,
        "test": golden.test,
        "format_version": VERSION,
        "environment": dict(golden.environment),
        "fixture": None if golden.fixture is None else asdict(golden.fixture),
        "layout": golden.layout,
        "model": None if golden.model is None else asdict(golden.model),
        "n_calls": 0 if golden.trace is None else golden.trace.n_calls,
        "outputs": {
            key: {
                **output_to_json(output),
                "threshold": output.threshold,
                "sha256": hashlib.sha256(output.array.tobytes()).hexdigest(),
            }
            for key, output in golden.outputs.items()
        },
    }


def output_to_json(output: Output) -> dict[str, Any]:
    """Return dtype, shape and tolerance of an output as JSON values."""
    return {
        "dtype": output.dtype,
        "shape": list(output.array.shape),
        "rtol": output.tolerance.rtol,
        "atol": output.tolerance.atol,
        "tolerance": output.tolerance.source,
    }
