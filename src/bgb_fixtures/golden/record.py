"""Make goldens from values, from events, or by running a model on a fixture.

Invariant: NaN is recorded only on request, and a model is left in its original state
and mode.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.eeg.montage import MONTAGES
from bgb_fixtures.errors import (
    FixtureError,
    GoldenMismatchError,
    MissingPackageError,
    SpecError,
)
from bgb_fixtures.format.records import adapted_digest
from bgb_fixtures.golden.content import (
    PLAIN,
    FixtureState,
    Golden,
    ModelState,
    Output,
    Tolerance,
    Trace,
)
from bgb_fixtures.golden.detections import guess_threshold, per_sample
from bgb_fixtures.golden.dtypes import to_numbers
from bgb_fixtures.golden.environment import describe_environment, uses_tf32
from bgb_fixtures.golden.tolerance import default_tolerance
from bgb_fixtures.golden.values import (
    Value,
    check_size,
    count_nan,
    device_of,
    events_to_value,
    flatten_values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    import torch

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.smoke.layout import InputLayout

__all__ = [
    "check_layout",
    "check_windows",
    "fixture_digest",
    "fixture_state",
    "listed",
    "make_events_golden",
    "make_golden",
    "refuse_nan",
    "run_model",
]

_FEW = 3
"""Number of windows to try a layout with; other axes are unlikely to have this size."""


def make_golden(
    value: object,
    *,
    name: str,
    fixture: Fixture | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    threshold: float | None = None,
    keep: Sequence[str] | None = None,
) -> Golden:
    """Make a golden from outputs of the code under test.

    Parameters
    ----------
    value : array, tensor, number, string, None, or dict, list, dataclass of these
        The outputs, with any nesting.
    name : str
        Name of the golden.
    fixture : Fixture or None
        Input of the code, if axis 0 of the outputs runs over its windows.
    rtol, atol : float or None
        Tolerances instead of the default ones; if only one is given, the other is 0.
    threshold : float or None
        Value per sample above which a sample is a detection. None: 0.5 if all values are
        in [0, 1], otherwise 0.
    keep : sequence of str or None
        Keys, fields or positions of the outermost level to keep. None: all.

    Returns
    -------
    golden : Golden
        Outputs, tolerances and the current environment.

    Raises
    ------
    SpecError
        If a golden cannot hold the outputs.
    """
    return _make(
        flatten_values(value, name=name, keep=keep),
        name=name,
        fixture=fixture,
        device=device_of(value),
        rtol=rtol,
        atol=atol,
        threshold=threshold,
    )


def make_events_golden(
    events: object, *, name: str, fixture: Fixture | None, atol: float | None
) -> Golden:
    """Make a golden of events in seconds; with a fixture, from one list per window."""
    value, labels = events_to_value(
        events, name=name, n_windows=None if fixture is None else len(fixture)
    )
    tolerance = default_tolerance(
        value.array, value.dtype, basis=value.basis, device="cpu", tf32=False
    )
    if atol is not None:
        tolerance = Tolerance(rtol=0.0, atol=atol, source="stated when recorded")
    return Golden(
        name=name,
        outputs={
            name: Output(
                array=value.array,
                dtype=value.dtype,
                tolerance=tolerance,
                labels=labels,
            )
        },
        environment=describe_environment(),
        fixture=None if fixture is None else fixture_state(fixture),
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
    layout: str = PLAIN,
    model: ModelState | None = None,
    trace: Trace | None = None,
) -> Golden:
    environment = describe_environment(device)
    outputs = {}
    for key, (array, dtype, basis) in values.items():
        numbers = to_numbers(array, dtype)
        if rtol is None and atol is None:
            tolerance = default_tolerance(
                numbers,
                dtype,
                basis=basis,
                device=device.partition(":")[0],
                tf32=uses_tf32(environment),
            )
        else:
            tolerance = Tolerance(
                rtol=rtol or 0.0, atol=atol or 0.0, source="stated when recorded"
            )
        outputs[key] = Output(
            array=array,
            dtype=dtype,
            tolerance=tolerance,
            threshold=_threshold(numbers, fixture, threshold),
        )
    return Golden(
        name=name,
        outputs=outputs,
        environment=environment,
        fixture=None if fixture is None else fixture_state(fixture),
        layout=layout,
        model=model,
        trace=trace,
    )


def _threshold(
    numbers: npt.NDArray[Any], fixture: Fixture | None, threshold: float | None
) -> float | None:
    if fixture is None:
        return None
    n_windows, n_times = fixture.labels.shape
    values = per_sample(numbers, n_windows=n_windows, n_times=n_times)
    if values is None:
        return None
    return guess_threshold(values) if threshold is None else float(threshold)


def fixture_digest(fixture: Fixture) -> str:
    """Return the digest that identifies a fixture in a golden.

    It is the digest of the file. For an adapted fixture, in memory or in a file, it is
    the digest of the original and of the adaptation.
    """
    records = fixture.records
    if "adapted" in records.spec:
        return adapted_digest(records.spec, records.windows)
    return fixture.index.digest


def fixture_state(fixture: Fixture) -> FixtureState:
    """Return what a golden records about the windows of a fixture."""
    index = fixture.index
    return FixtureState(
        name=index.name,
        content_version=index.content_version,
        digest=fixture_digest(fixture),
        windows=tuple(window.id for window in fixture.windows),
        sfreq=float(fixture.sfreq),
        n_times=int(fixture.labels.shape[1]),
        montage=fixture.records.montage,
        profile=fixture.records.profile["name"],
    )


def check_windows(
    recorded: Golden,
    fixture: Fixture | None,
    *,
    otherwise: str = "record the golden again",
) -> None:
    """Raise GoldenMismatchError if a golden was recorded with other windows.

    Nothing is checked if the golden was recorded without a fixture, or if `fixture` is
    None. `otherwise` says what to do if the other windows are intended.
    """
    __tracebackhide__ = True
    if recorded.fixture is None or fixture is None:
        return
    a, b = recorded.fixture, fixture_state(fixture)
    where = _where(recorded)
    same_fixture = (a.name, a.content_version) == (b.name, b.content_version)
    if same_fixture and a.shape != b.shape:
        words = _shape_words(a, b)
        msg = (
            f"{where} was made for fixture {a.name!r} in another shape (found {b.shape}; "
            f"expected {a.shape}). Pass {_options(words)} (in Python Fixture.adapt, in "
            f"pytest {_options(words, '--bgb-')}), or {otherwise}"
        )
        raise GoldenMismatchError(msg)
    # Older goldens identify an adapted file by the digest of the file.
    if a.digest not in (b.digest, fixture.index.digest):
        msg = (
            f"{where} was made for another fixture (found {b.name!r}, content version "
            f"{b.content_version}, digest {b.digest[:12]}; expected {a.name!r}, content "
            f"version {a.content_version}, digest {a.digest[:12]}). {_way_back(a, b)}, or "
            f"{otherwise}"
        )
        raise GoldenMismatchError(msg)
    if a.windows != b.windows:
        msg = (
            f"{where} was made for other windows of fixture {a.name!r} (found "
            f"{listed(b.windows)}; expected {listed(a.windows)}). Select the same ones, "
            f"or {otherwise}"
        )
        raise GoldenMismatchError(msg)


def check_layout(recorded: Golden, layout: str) -> None:
    """Raise GoldenMismatchError if a golden was recorded with another layout."""
    __tracebackhide__ = True
    if recorded.layout != layout:
        msg = (
            f"{_where(recorded)} was made for another layout of the input (found "
            f"{layout}, expected {recorded.layout}). Pass --layout {recorded.layout} (in "
            f"Python layout={recorded.layout!r}), or record the golden again"
        )
        raise GoldenMismatchError(msg)


def _where(golden: Golden) -> str:
    name = f"golden {golden.name!r}"
    return name if golden.path is None else f"{str(golden.path)!r}: {name}"


def _way_back(recorded: FixtureState, here: FixtureState) -> str:
    """Return which fixture a golden was recorded with, and how to select it."""
    name = recorded.name
    if name == here.name:
        return f"It was recorded with another version or adaptation of {name!r}. Use that one"
    from bgb_fixtures.fixture import load_fixture

    try:
        native = fixture_state(load_fixture(name, verify=False))
    except FixtureError:
        return (
            f"It was recorded with {name!r}. Pass --fixture (in pytest --bgb-fixture) "
            "with the path of that file"
        )
    words = [f"fixture {name}", *_shape_words(recorded, native)]
    return (
        f"It was recorded with {name!r}. Pass {_options(words)} (in pytest "
        f"{_options(words, '--bgb-')})"
    )


def _options(words: Sequence[str], prefix: str = "--") -> str:
    return " ".join(f"{prefix}{word}" for word in words)


def _shape_words(recorded: FixtureState, here: FixtureState) -> list[str]:
    """Return the options, without dashes, that give windows the shape in the golden."""
    montage = recorded.montage
    words = []
    if recorded.n_times / recorded.sfreq != here.n_times / here.sfreq:
        words.append(f"window-length {recorded.n_times / recorded.sfreq:g}")
    if recorded.sfreq != here.sfreq:
        words.append(f"sfreq {recorded.sfreq:g}")
    if montage != here.montage:
        words.append(f"montage {montage if montage in MONTAGES else 'ROWS'}")
    if recorded.profile != here.profile:
        words.append(f"profile {recorded.profile}")
    return words


def listed(windows: Sequence[str]) -> str:
    """Return the number of windows and the first few ids."""
    more = " ..." if len(windows) > 4 else ""
    return f"{len(windows)}: {', '.join(windows[:4])}{more}"


def refuse_nan(golden: Golden) -> None:
    """Raise SpecError if an output holds NaN, with the count and the first place."""
    __tracebackhide__ = True
    for key, output in golden.outputs.items():
        numbers = output.numbers
        n_nan = count_nan(numbers)
        if n_nan:
            flat = int(np.isnan(numbers).argmax())
            place = tuple(int(i) for i in np.unravel_index(flat, numbers.shape))
            half = output.dtype == "float16"
            hint = ". Values above 65504 overflow float16" if half else ""
            msg = (
                f"{key!r}: {n_nan} of {numbers.size} {output.dtype} values are NaN, "
                f"first at {place}{hint}. This would make NaN the expected value: fix "
                "the model, or allow it with nan_ok=True (--nan-ok)"
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
    keep: Sequence[str] | None = None,
    layout: str = PLAIN,
    progress: Callable[[int, int], None] | None = None,
) -> Golden:
    """Run a model over the windows of a fixture, `batch_size` at a time.

    The model takes signals (n, n_channels, n_times), or with the axes of `layout` as in
    `run_smoke`, and returns outputs with n on axis 0. Its mode, device and dtype are
    left as they are. The first batch is traced. `progress` is called with the number of
    windows done and the total.
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
    from bgb_fixtures.smoke.layout import InputLayout

    module = model if isinstance(model, torch.nn.Module) else None
    if module is not None and any(p.is_meta for p in module.parameters()):
        msg = (
            f"{name!r}: the model is on the meta device, where tensors have no values; "
            "move it to a real device with model.to_empty(device='cpu') and load its "
            "weights"
        )
        raise SpecError(msg)
    # Hooks do not fire inside a compiled graph.
    traced = module is not None and not isinstance(module, torch.jit.ScriptModule)
    state = None if module is None else model_state(module)
    given = InputLayout.parse(layout)
    whole = _like_model(fixture.tensors()[0], module)
    signals = whole[:, :, : given.whole(whole.shape[2])]
    advise = partial(_advise, model, whole, given, keep=keep, sfreq=fixture.sfreq)
    rows: list[dict[str, Value]] = []
    device, trace = "cpu", None
    with torch.no_grad():
        for start in range(0, len(signals), batch_size):
            batch = given.arrange(signals[start : start + batch_size])
            try:
                if start == 0 and traced and module is not None:
                    with Tracer(module) as tracer:
                        result = model(batch)
                    trace = tracer.trace()
                else:
                    result = model(batch)
            except Exception as error:
                if start == 0:
                    error.add_note(advise())
                raise
            device = device_of(result)
            values = flatten_values(result, name=name, keep=keep)
            _check_rows(values, len(batch), advise=advise)
            check_size(
                {
                    key: value.array.nbytes * len(signals) // len(batch)
                    for key, value in values.items()
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
        layout=given.code,
        model=state,
        trace=trace,
    )


def _like_model(signals: torch.Tensor, module: torch.nn.Module | None) -> torch.Tensor:
    """Move the signals to the device of the model, in the dtype of its weights."""
    weights = None if module is None else next(module.parameters(), None)
    if weights is None or not weights.is_floating_point():
        return signals
    return signals.to(weights.device, weights.dtype)


def _advise(
    model: Callable[..., Any],
    signals: torch.Tensor,
    layout: InputLayout,
    *,
    keep: Sequence[str] | None,
    sfreq: float,
) -> str:
    """Describe the windows that a model failed on, and options that may help."""
    from bgb_fixtures.smoke.layout import advise_shape
    from bgb_fixtures.smoke.snapshot import ModelSnapshot, kept_random_state

    few = signals[:_FEW]
    _, n_channels, n_times = few.shape
    before = ModelSnapshot(model)

    def runs(other: InputLayout) -> bool:
        try:
            result = model(other.arrange(few[:, :, : other.whole(n_times)]))
            _check_rows(flatten_values(result, name="x", keep=keep), len(few))
        except Exception:  # noqa: BLE001 - whatever a model raises
            return False
        finally:
            before.restore()
        return True

    with kept_random_state():
        return advise_shape(n_channels, n_times, sfreq, tried=[layout], runs=runs)


def _check_rows(
    values: Mapping[str, Value],
    n_windows: int,
    *,
    advise: Callable[[], str] | None = None,
) -> None:
    for key, (array, dtype, _) in values.items():
        if dtype not in ("None", "empty", "str") and (
            array.ndim == 0 or len(array) != n_windows
        ):
            msg = (
                f"{key!r} has shape {array.shape} for {n_windows} windows; expected "
                f"{n_windows} on axis 0, one row per window"
            )
            if advise is not None and array.ndim:
                msg = f"{msg}. {advise()}"
            raise SpecError(msg)


def _joined(rows: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """Concatenate the outputs of all batches."""
    first = rows[0]
    joined = {}
    for values in rows:
        kinds, expected = (
            {key: (value.array.shape[1:], value.dtype) for key, value in side.items()}
            for side in (values, first)
        )
        if kinds != expected:
            msg = (
                f"two batches returned different outputs (found {kinds}, expected "
                f"{expected}). Return the same outputs for every batch"
            )
            raise SpecError(msg)
    for key, (array, dtype, basis) in first.items():
        parts = [values[key].array for values in rows]
        if dtype in ("None", "empty") or array.ndim == 0:
            # Every batch returns this value, but only one is stored.
            if any(part.tolist() != array.tolist() for part in parts):
                msg = (
                    f"{key!r} differs between two batches and has no row per window, "
                    "so the batches cannot be joined. Return one row per window, or "
                    "keep other outputs only"
                )
                raise SpecError(msg)
            joined[key] = Value(array, dtype, basis)
        else:
            joined[key] = Value(np.concatenate(parts), dtype, basis)
    return joined
