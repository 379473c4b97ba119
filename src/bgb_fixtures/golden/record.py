"""From what the code under test gives, or from a model and a fixture, to a golden.

Invariant: nothing is recorded that holds NaN unless that was asked for, and a model is
left as it was, in the mode that it was in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.errors import GoldenMismatchError, MissingPackageError, SpecError
from bgb_fixtures.golden.content import (
    FixtureState,
    Golden,
    ModelState,
    Output,
    Tolerance,
    Trace,
)
from bgb_fixtures.golden.environment import describe_environment, uses_tf32
from bgb_fixtures.golden.seizures import guess_threshold, per_sample
from bgb_fixtures.golden.tolerance import default_tolerance
from bgb_fixtures.golden.values import (
    Value,
    check_size,
    count_nan,
    device_of,
    flatten_values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    import torch

    from bgb_fixtures.fixture import Fixture

__all__ = [
    "check_windows",
    "fixture_state",
    "make_golden",
    "refuse_nan",
    "run_model",
]


def make_golden(
    value: object,
    *,
    name: str,
    fixture: Fixture | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    threshold: float | None = None,
) -> Golden:
    """Make a golden of what the code under test gave.

    Parameters
    ----------
    value : array, tensor, number, or nested dict of these
        The outputs.
    name : str
        What they are called.
    fixture : Fixture or None
        What went in, if axis 0 of the outputs is its windows.
    rtol, atol : float or None
        Tolerances instead of the default ones; if only one is given, the other is 0.
    threshold : float or None
        Above it, a value per sample is a detection; None: 0.5 where all values lie in
        [0, 1], else 0.

    Returns
    -------
    golden : Golden
        With the environment as it is now.

    Raises
    ------
    SpecError
        If a golden cannot hold this.
    """
    return _make(
        flatten_values(value, name=name),
        name=name,
        fixture=fixture,
        device=device_of(value),
        rtol=rtol,
        atol=atol,
        threshold=threshold,
    )


def _make(
    values: Mapping[str, Value],
    *,
    name: str,
    fixture: Fixture | None,
    device: str,
    rtol: float | None,
    atol: float | None,
    threshold: float | None,
    model: ModelState | None = None,
    trace: Trace | None = None,
) -> Golden:
    environment = describe_environment(device)
    outputs = {}
    for key, (array, dtype) in values.items():
        if rtol is None and atol is None:
            tolerance = default_tolerance(
                array,
                dtype,
                device=device.partition(":")[0],
                tf32=uses_tf32(environment),
            )
        else:
            tolerance = Tolerance(
                rtol=rtol or 0.0, atol=atol or 0.0, source="asked for when recorded"
            )
        outputs[key] = Output(
            array=array,
            dtype=dtype,
            tolerance=tolerance,
            threshold=_threshold(array, fixture, threshold),
        )
    return Golden(
        name=name,
        outputs=outputs,
        environment=environment,
        fixture=None if fixture is None else fixture_state(fixture),
        model=model,
        trace=trace,
    )


def _threshold(
    array: npt.NDArray[Any], fixture: Fixture | None, threshold: float | None
) -> float | None:
    if fixture is None:
        return None
    n_windows, n_times = fixture.labels.shape
    values = per_sample(array, n_windows=n_windows, n_times=n_times)
    if values is None:
        return None
    return guess_threshold(values) if threshold is None else float(threshold)


def fixture_state(fixture: Fixture) -> FixtureState:
    """Return what a golden says of the windows that went in.

    Parameters
    ----------
    fixture : Fixture
        The windows.

    Returns
    -------
    state : FixtureState
        Name, content version, digest, ids.
    """
    index = fixture.index
    return FixtureState(
        name=index.name,
        content_version=index.content_version,
        digest=index.digest,
        windows=tuple(window.id for window in fixture.windows),
    )


def check_windows(recorded: Golden, fixture: Fixture | None) -> None:
    """Refuse to compare what comes from other windows.

    Parameters
    ----------
    recorded : Golden
        If it does not know its fixture, nothing is checked.
    fixture : Fixture or None
        What goes in now; None: nothing is checked.

    Raises
    ------
    GoldenMismatchError
        If fixture, its content or the selected windows differ.
    """
    __tracebackhide__ = True
    if recorded.fixture is None or fixture is None:
        return
    a, b = recorded.fixture, fixture_state(fixture)
    where = f"golden {recorded.name!r}"
    if recorded.path is not None:
        where += f" ({recorded.path})"
    if a.digest != b.digest:
        msg = (
            f"{where} was recorded with fixture {a.name!r}, content version "
            f"{a.content_version}, digest {a.digest[:12]}; this is {b.name!r}, content "
            f"version {b.content_version}, digest {b.digest[:12]}: other windows have "
            "other outputs. Use that fixture, or record the golden again"
        )
        raise GoldenMismatchError(msg)
    if a.windows != b.windows:
        msg = (
            f"{where} was recorded with {len(a.windows)} windows of fixture {a.name!r} "
            f"({', '.join(a.windows[:4])} ...), this run has {len(b.windows)} "
            f"({', '.join(b.windows[:4])} ...): take the same ones"
        )
        raise GoldenMismatchError(msg)


def refuse_nan(golden: Golden) -> None:
    """Refuse to record NaN.

    Parameters
    ----------
    golden : Golden
        What would be written.

    Raises
    ------
    SpecError
        If an output holds NaN; says how many and where.
    """
    __tracebackhide__ = True
    for key, output in golden.outputs.items():
        n_nan = count_nan(output.array)
        if n_nan:
            flat = int(np.isnan(output.array).argmax())
            place = tuple(int(i) for i in np.unravel_index(flat, output.array.shape))
            half = output.dtype in ("float16", "bfloat16")
            hint = "; values above 65504 overflow float16" if half else ""
            msg = (
                f"{key!r}: {n_nan} of {output.array.size} {output.dtype} values are NaN, "
                f"first at {place}{hint}. A golden would keep that as right: mend it, or "
                "say that NaN is meant (nan_ok=True, --nan-ok)"
            )
            raise SpecError(msg)


def run_model(
    model: Callable[..., Any],
    fixture: Fixture,
    *,
    name: str,
    batch_size: int = 4,
    rtol: float | None = None,
    atol: float | None = None,
    threshold: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Golden:
    """Run a model over the windows of a fixture.

    Parameters
    ----------
    model : torch.nn.Module or callable
        Takes signals (n, n_channels, n_times) and gives a tensor or a dict of tensors
        with n on axis 0. It runs as it is: mode, device and dtype are its own.
    fixture : Fixture
        The windows.
    name : str
        What the outputs are called.
    batch_size : int
        Windows at a time; the first batch is traced.
    rtol, atol, threshold : float or None
        As in `make_golden`.
    progress : callable or None
        Called with (windows done, windows in all).

    Returns
    -------
    golden : Golden
        Outputs of all windows, state of the model, trace.

    Raises
    ------
    SpecError
        If the model gives something that a golden cannot hold, or not one row per
        window.
    MissingPackageError
        If torch is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        msg = (
            "running a model needs PyTorch, which is not installed; "
            'run: pip install "bgb-fixtures[torch]"'
        )
        raise MissingPackageError(msg) from error
    from bgb_fixtures.golden.trace import Tracer, model_state

    module = model if isinstance(model, torch.nn.Module) else None
    # Hooks do not see into a compiled graph.
    traced = module is not None and not isinstance(module, torch.jit.ScriptModule)
    state = None if module is None else model_state(module)
    signals = _like_model(fixture.tensors()[0], module)
    rows: list[dict[str, Value]] = []
    device, trace = "cpu", None
    with torch.no_grad():
        for start in range(0, len(signals), batch_size):
            batch = signals[start : start + batch_size]
            if start == 0 and traced and module is not None:
                with Tracer(module) as tracer:
                    result = model(batch)
                trace = tracer.trace()
            else:
                result = model(batch)
            device = device_of(result)
            values = flatten_values(result, name=name)
            _check_rows(values, len(batch))
            check_size(
                {
                    key: array.nbytes * len(signals) // len(batch)
                    for key, (array, _) in values.items()
                }
            )
            rows.append(values)
            if progress is not None:
                progress(min(start + batch_size, len(signals)), len(signals))
    return _make(
        _joined(rows),
        name=name,
        fixture=fixture,
        device=device,
        rtol=rtol,
        atol=atol,
        threshold=threshold,
        model=state,
        trace=trace,
    )


def _like_model(signals: torch.Tensor, module: torch.nn.Module | None) -> torch.Tensor:
    """Put the signals where the model is, in the dtype of its weights."""
    weights = None if module is None else next(module.parameters(), None)
    if weights is None or not weights.is_floating_point():
        return signals
    return signals.to(weights.device, weights.dtype)


def _check_rows(values: Mapping[str, Value], n_windows: int) -> None:
    for key, (array, _) in values.items():
        if array.ndim == 0 or len(array) != n_windows:
            msg = (
                f"{key!r} has shape {array.shape} for {n_windows} windows; expected "
                f"{n_windows} on axis 0, one row per window"
            )
            raise SpecError(msg)


def _joined(rows: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    first = rows[0]
    for values in rows:
        kinds = {k: (a.shape[1:], d) for k, (a, d) in values.items()}
        if kinds != {k: (a.shape[1:], d) for k, (a, d) in first.items()}:
            msg = f"outputs of two batches differ in kind: {sorted(first)}, {kinds}"
            raise SpecError(msg)
    return {
        key: (np.concatenate([values[key][0] for values in rows]), dtype)
        for key, (_, dtype) in first.items()
    }
