"""Tracing of the inputs and outputs of each module of a model, in order of execution.

Invariant: tracing changes no output and needs memory for one module at a time.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from bgb_fixtures.golden.content import (
    MAX_CALLS,
    N_SAMPLES,
    STATISTICS,
    Call,
    ModelState,
    Trace,
)
from bgb_fixtures.golden.values import items_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import torch

__all__ = ["Tracer", "model_state"]

_MAX_SETTINGS = 120
# For tensors with more values than this, quantiles are computed from every n-th value.
_MAX_SORTED = 2**18
_GOLDEN_RATIO = (5**0.5 - 1) / 2


def _digest(tensors: Sequence[tuple[str, torch.Tensor]]) -> str:
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(tensors, key=lambda item: item[0]):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name}\0{plain.dtype}\0{tuple(plain.shape)}\0".encode())
        # Bytes of any dtype; numpy has no bfloat16.
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def model_state(model: torch.nn.Module) -> ModelState:
    """Return the digest of a model's state dict and its number of parameters."""
    import torch

    tensors = [
        (name, value)
        for name, value in model.state_dict().items()
        if isinstance(value, torch.Tensor)
    ]
    return ModelState(
        digest=_digest(tensors),
        n_parameters=sum(p.numel() for p in model.parameters()),
    )


def _own_weights(module: torch.nn.Module) -> str:
    own = [
        *module.named_parameters(recurse=False),
        *module.named_buffers(recurse=False),
    ]
    return _digest(own) if own else ""


def _tensors(value: object) -> Iterator[torch.Tensor]:
    """Find the tensors in arguments or results, in order."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
        return
    for _, item in items_of(value) or ():
        yield from _tensors(item)


@cache
def _places(n_rows: int, n_columns: int) -> npt.NDArray[np.int64]:
    """Choose flat indices: half at the borders of the last axis, half spread evenly."""
    half = N_SAMPLES // 2
    step = np.arange(half)
    rows = (step * max(n_rows, 1)) // half
    borders = np.array([0, n_columns - 1, 1, n_columns - 2])[step % 4] % n_columns
    spread = np.arange(1, N_SAMPLES - half + 1) * _GOLDEN_RATIO % 1
    anywhere = (spread * n_rows * n_columns).astype(np.int64)
    places = np.concatenate([rows * n_columns + borders, anywhere]).astype(np.int64)
    np.minimum(places, n_rows * n_columns - 1, out=places)
    return places


def _describe(
    tensors: Sequence[torch.Tensor],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the statistics and the sample of the inputs or outputs of one module."""
    import torch

    kept = [t.detach() for t in tensors if t.numel()]
    if not kept:
        return np.zeros(len(STATISTICS)), np.zeros(N_SAMPLES)
    # Samples come from the first tensor, statistics from all of them.
    first = kept[0]
    n_columns = first.shape[-1] if first.ndim else 1
    places = _places(first.numel() // n_columns, n_columns)
    index = torch.from_numpy(places).to(first.device)
    samples = _to_float64(first.reshape(-1)[index])
    values = np.concatenate([_to_float64(t.reshape(-1)) for t in kept])
    finite = values[np.isfinite(values)]
    n_nan = int(np.isnan(values).sum())
    statistics = [n_nan, values.size - finite.size - n_nan]
    if finite.size == 0:
        return np.array([*statistics, *[0.0] * 6]), samples
    part = finite[:: 1 + finite.size // _MAX_SORTED]
    largest = max(float(np.abs(finite).max()), 1e-300)
    numbers = [
        finite.min(),
        *np.quantile(part, [0.25, 0.5, 0.75]),
        finite.max(),
        largest * np.sqrt(np.mean((finite / largest) ** 2)),
    ]
    return np.array([*statistics, *numbers], np.float64), samples


def _to_float64(tensor: torch.Tensor) -> npt.NDArray[np.float64]:
    import torch

    if tensor.is_complex():
        tensor = torch.view_as_real(tensor).reshape(-1)
    return tensor.to("cpu", torch.float64).numpy()


def _ascii(text: str, length: int) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:length]


Described = tuple["npt.NDArray[np.float64]", "npt.NDArray[np.float64]"]
"""Statistics and sample of the inputs or outputs of a module."""


class Tracer:
    """Context manager that records the inputs and outputs of the modules of a model.

    It traces modules without children and modules with weights of their own. Code
    between modules is not traced; its effect is the difference between the output of
    one module and the input of the next.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model
        self._handles: list[Any] = []
        # Modules whose call has not returned yet.
        self._entered: list[tuple[Call, Described]] = []
        self._calls: list[tuple[Call, Described, Described]] = []
        self._n_calls = 0

    def __enter__(self) -> Self:
        """Start tracing."""
        self._handles.append(
            self._model.register_forward_pre_hook(self._keep_input, with_kwargs=True)
        )
        for name, module in self._model.named_modules():
            own = next(module.parameters(recurse=False), None) is not None
            if own or next(module.children(), None) is None:
                self._watch(module, name or "(the model)")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop tracing and remove all hooks from the model."""
        for handle in self._handles:
            handle.remove()

    def trace(self) -> Trace:
        """Return the recorded calls; there is at least one."""
        return Trace(
            calls=tuple(call for call, _, _ in self._calls),
            statistics=np.array([[i[0], o[0]] for _, i, o in self._calls]),
            samples=np.array([[i[1], o[1]] for _, i, o in self._calls]),
            n_calls=self._n_calls,
        )

    def _keep(self, call: Call, inputs: Described, outputs: Described) -> None:
        self._n_calls += 1
        if len(self._calls) < MAX_CALLS:
            self._calls.append((call, inputs, outputs))

    def _keep_input(
        self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        inputs = list(_tensors([args, kwargs]))
        self._keep(_call(module, "", inputs), _describe(inputs), _describe([]))

    def _watch(self, module: torch.nn.Module, name: str) -> None:
        def before(
            module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> None:
            # Describe the inputs before the call, which may write in place or update
            # buffers.
            inputs = list(_tensors([args, kwargs]))
            self._entered.append((_call(module, name, inputs), _describe(inputs)))

        def after(
            _module: object, _args: object, _kwargs: object, result: object
        ) -> None:
            call, inputs = self._entered.pop()
            outputs = list(_tensors(result))
            call = replace(
                call,
                dtypes=(call.dtypes[0], _dtype(outputs)),
                shapes=(call.shapes[0], _shapes(outputs)),
            )
            self._keep(call, inputs, _describe(outputs))

        self._handles += [
            module.register_forward_pre_hook(before, with_kwargs=True),
            module.register_forward_hook(after, with_kwargs=True),
        ]


def _call(module: torch.nn.Module, name: str, inputs: Sequence[torch.Tensor]) -> Call:
    return Call(
        name=_ascii(name, _MAX_SETTINGS),
        kind=_ascii(type(module).__name__, _MAX_SETTINGS),
        settings=_ascii(module.extra_repr(), _MAX_SETTINGS),
        training=module.training,
        weights=_own_weights(module) if name else "",
        dtypes=(_dtype(inputs), ""),
        shapes=(_shapes(inputs), ()),
    )


def _dtype(tensors: Sequence[torch.Tensor]) -> str:
    return str(tensors[0].dtype).removeprefix("torch.") if tensors else ""


def _shapes(tensors: Sequence[torch.Tensor]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(n) for n in tensor.shape) for tensor in tensors)
