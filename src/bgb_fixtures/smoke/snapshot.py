"""Snapshots of a model and of the random generators, and their restoration.

Invariant: after `restore`, every parameter, buffer and plain attribute of every
submodule is the same object with the same values. Gradients, training flags and the
generators of random, numpy and torch are restored, too.
"""

from __future__ import annotations

import functools
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ModelSnapshot", "kept_random_state", "set_seed"]

_OWN = ("_parameters", "_buffers", "_modules")
_DEPTH = 4
"""Maximum depth of nested containers."""


class _Content:
    """Content of a mutable object, including the items of containers."""

    def __init__(self, value: Any, *, depth: int = 0) -> None:
        self.value = value
        self.copy: Any = None
        if isinstance(value, torch.Tensor):
            if not is_lazy(value):
                self.copy = value.detach().clone()
        elif isinstance(value, np.ndarray):
            self.copy = value.copy()
        elif depth > _DEPTH:
            return
        elif isinstance(value, list):
            self.copy = [_Content(item, depth=depth + 1) for item in value]
        elif isinstance(value, dict):
            self.copy = {
                key: _Content(item, depth=depth + 1) for key, item in value.items()
            }
        elif isinstance(value, set):
            self.copy = set(value)

    def restore(self) -> Any:
        """Restore the content of the same object and return the object."""
        value = self.value
        if self.copy is None:
            return value
        if isinstance(value, torch.Tensor):
            if value.shape == self.copy.shape and value.dtype == self.copy.dtype:
                value.data.copy_(self.copy)
            else:
                value.data = self.copy.clone()
        elif isinstance(value, np.ndarray):
            value[...] = self.copy
        elif isinstance(value, list):
            value[:] = [item.restore() for item in self.copy]
        elif isinstance(value, dict):
            items = {key: item.restore() for key, item in self.copy.items()}
            value.clear()
            value.update(items)
        else:
            value.clear()
            value.update(self.copy)
        return value


class _ModuleSnapshot:
    """Attributes of one module written in Python."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._registered = {
            name: {key: _Content(value) for key, value in vars(module)[name].items()}
            for name in _OWN
        }
        self._attributes = {
            key: _Content(value)
            for key, value in vars(module).items()
            if key not in _OWN and not key.endswith("_hooks")
        }

    def restore(self) -> None:
        """Restore the attributes of the module."""
        attributes = vars(self._module)
        for name, contents in self._registered.items():
            entries = attributes[name]
            entries.clear()
            entries.update({key: item.restore() for key, item in contents.items()})
        for key in set(attributes) - set(self._attributes) - set(_OWN):
            if not key.endswith("_hooks"):
                del attributes[key]
        for key, item in self._attributes.items():
            attributes[key] = item.restore()


class _ScriptSnapshot:
    """Tensors and mode of one TorchScript module."""

    def __init__(self, module: torch.jit.ScriptModule) -> None:
        self._module = module
        self._training = module.training
        tensors = (*module.parameters(recurse=False), *module.buffers(recurse=False))
        self._tensors = [_Content(tensor) for tensor in tensors]

    def restore(self) -> None:
        """Restore the tensors and the mode."""
        for content in self._tensors:
            content.restore()
        if self._module.training != self._training:
            self._module.training = self._training


class ModelSnapshot:
    """State of a model at one time; empty for anything but a torch module."""

    def __init__(self, model: Any) -> None:
        modules = list(model.modules()) if isinstance(model, nn.Module) else []
        self._modules = [
            _ScriptSnapshot(module)
            if isinstance(module, torch.jit.ScriptModule)
            else _ModuleSnapshot(module)
            for module in modules
        ]
        parameters = (
            [item for item in model.parameters() if not is_lazy(item)]
            if modules
            else []
        )
        self._parameters = [
            (
                parameter,
                parameter.requires_grad,
                parameter.grad,
                None if parameter.grad is None else parameter.grad.detach().clone(),
            )
            for parameter in parameters
        ]

    def restore(self) -> None:
        """Restore the state of all modules."""
        for module in self._modules:
            module.restore()
        for parameter, requires_grad, gradient, values in self._parameters:
            parameter.requires_grad_(requires_grad)
            parameter.grad = gradient
            if gradient is not None and values is not None:
                gradient.data.copy_(values)


def set_seed(seed: int) -> None:
    """Seed the global generators of random, numpy and torch with a number below 2^32."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the model under test may draw from it
    if _has_accelerator():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


@functools.cache
def _has_accelerator() -> bool:
    """Return whether torch has, or might have, a generator for another device.

    If there is only the CPU, `torch.manual_seed` records the stack for each kind of
    device, in case it is initialised later. This takes a fifth of the time of a run.
    """
    accelerator = getattr(torch, "accelerator", None)  # From torch 2.6 on.
    return accelerator is None or bool(accelerator.is_available())


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Restore the global generators and torch's global settings on exit."""
    python = random.getstate()
    legacy = np.random.get_state()  # noqa: NPY002 - as above
    cpu = torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    dtype = torch.get_default_dtype()
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002 - as above
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)
        torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
