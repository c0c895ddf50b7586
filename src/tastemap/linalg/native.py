"""Machine code of kernels on disk, and how it is called: by llvmlite and ctypes, without Numba.

Importing Numba and setting it up takes longer than most commands work. llvmlite, which Numba stands on,
is small and can load what Numba once compiled. The code is called by Numba's own convention
(``numba/core/callconv.py``): where to put the result, where to put an error, then the arguments, an array
as its seven or more parts; a status other than zero is an error.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np


class ArrayType(NamedTuple):
    """What the code for an array depends on."""

    dtype: np.dtype[Any]
    ndim: int
    is_contiguous: bool
    is_writeable: bool


Type = ArrayType | type[int] | type[float]
Types = tuple[Type, ...]

RESULTS: dict[str, type[Any]] = {
    "none": ctypes.c_void_p,  # the code stores a null pointer, whose value is None
    "bool": ctypes.c_bool,
    "int64": ctypes.c_int64,
    "float64": ctypes.c_double,
}
"""Numba's names of the types that a kernel may return."""


class NativeCode(NamedTuple):
    """What a cache file holds: one function of a fixed name (:data:`SYMBOL`), and what it returns."""

    result: str
    code: bytes


SYMBOL = "tastemap_kernel"


def types_of(arguments: Sequence[object]) -> Types | None:
    """The types of arguments, or None if one is of a type that native code is not kept for."""
    types: list[Type] = []
    for value in arguments:
        if isinstance(value, np.ndarray):
            flags = value.flags
            if not flags.aligned:
                return None
            types.append(ArrayType(value.dtype, value.ndim, flags.c_contiguous, flags.writeable))
        elif type(value) is int or isinstance(value, np.int64):
            types.append(int)
        elif isinstance(value, float):  # np.float64 is one
            types.append(float)
        else:
            return None
    return tuple(types)


def cache_file(function: FunctionType, types: Types, fastmath: Sequence[str]) -> Path:
    """Where the code of a function belongs: its name changes with all that the code depends on.

    Raises
    ------
    OSError
        If the source is not a file, so that a change could not be noticed.
    """
    about = (function.__qualname__, function.__code__.co_firstlineno, types, fastmath, _machine())
    key = sha256(_content(__file__) + _source(function) + repr(about).encode()).hexdigest()[:32]
    module = Path(function.__code__.co_filename)
    return _folder(module) / f"{module.stem}.{function.__name__}-{key}.kernel"


def _source(function: FunctionType) -> bytes:
    """What is compiled: the module of a function, and of every kernel it calls, and its constants."""
    text = _content(function.__code__.co_filename)
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        called = getattr(value, "__wrapped__", None)
        if isinstance(called, FunctionType) and called is not function:
            text += _source(called)
        elif isinstance(value, (int, float, np.generic)):
            text += f"{name}={value!r}".encode()
    return text


@cache
def _content(file: str) -> bytes:
    return sha256(Path(file).read_bytes()).digest()


@cache
def _machine() -> tuple[object, ...]:
    import llvmlite.binding as llvm

    settings = sorted(pair for pair in os.environ.items() if pair[0].startswith("NUMBA_"))
    processor = (llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    return (version("numba"), version("llvmlite"), np.__version__, sys.version, processor, settings)


def _folder(module: Path) -> Path:
    """As Numba chooses: the folder that is asked for, else beside the module, else the user's cache."""
    asked = os.environ.get("NUMBA_CACHE_DIR")
    if asked:
        return Path(asked)
    beside = module.parent / "__pycache__"
    if os.access(beside if beside.is_dir() else module.parent, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tastemap" / "kernels"


def read(path: Path) -> NativeCode | None:
    """What was kept in a file; None if there is none, or it is damaged."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if sha256(content).hexdigest().encode() != digest:
        return None
    result, _, code = content.partition(b"\n")
    return NativeCode(result.decode(), code)


def write(path: Path, native: NativeCode) -> None:
    """Keep code in a file of the user's own, whole or not at all; where nothing can be written, do not."""
    content = native.result.encode() + b"\n" + native.code
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=path.parent)  # only the user may read or write it
        with os.fdopen(handle, "wb") as file:
            file.write(sha256(content).hexdigest().encode() + b"\n" + content)
        Path(made).replace(path)


_engines: list[Any] = []
"""Loaded code; it stays for as long as the process."""


def load(native: NativeCode, types: Types, name: str) -> Callable[..., Any]:
    """A function that calls native code with arguments of these types; it gives up the interpreter lock."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(native.code))
    engine.finalize_object()
    _engines.append(engine)
    prototype = ctypes.CFUNCTYPE(ctypes.c_int32, *_parameters(types))
    return _caller(prototype(engine.get_function_address(SYMBOL)), RESULTS[native.result], name)


def _parameters(types: Types) -> list[type[Any]]:
    parameters: list[type[Any]] = [ctypes.c_void_p, ctypes.c_void_p]
    for one in types:
        if isinstance(one, ArrayType):
            # memory manager's record, owner, number of items, size of one, data; shape, strides
            parameters += [ctypes.c_void_p] * 2 + [ctypes.c_ssize_t] * 2 + [ctypes.c_void_p]
            parameters += [ctypes.c_ssize_t] * (2 * one.ndim)
        else:
            parameters.append(ctypes.c_double if one is float else ctypes.c_ssize_t)
    return parameters


def _caller(entry: Callable[..., int], result: type[Any], name: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        returned, error = result(), ctypes.c_void_p()
        parts: list[object] = [ctypes.byref(returned), ctypes.byref(error)]
        for value in arguments:
            if isinstance(value, np.ndarray):
                parts += (None, None, value.size, value.itemsize, value.ctypes.data)
                parts += value.shape
                parts += value.strides
            else:
                parts.append(value)
        status = entry(*parts)
        if status:
            raise RuntimeError(f"The kernel {name} failed with status {status}.")
        return returned.value

    return call
