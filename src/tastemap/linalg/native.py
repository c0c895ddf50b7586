"""Machine code of kernels on disk, and how it is called: by llvmlite and ctypes, without Numba.

Importing Numba and setting it up takes longer than most commands work. llvmlite, which Numba stands on,
is small and can load what Numba once compiled. The code in a file has one function, called with a place
for the result, arrays as Python objects and numbers as they are; a status other than zero is an error.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import numpy as np
import platformdirs


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
SCALARS: dict[type[int] | type[float], type[Any]] = {int: ctypes.c_int64, float: ctypes.c_double}


class NativeCode(NamedTuple):
    """What a cache file holds: what the function returns, and machine code in which it is :data:`SYMBOL`."""

    result: str
    code: bytes


NUMBERS = (int, float, np.generic)
"""Constants outside a kernel whose values, alone or in a tuple, a file may depend on."""

SYMBOL = "tastemap_kernel"
CONVENTION = 1
"""How a file is made and its code called; another number leaves older files alone."""


class NotNativeError(Exception):
    """What a kernel needs that a file cannot have or tell; Numba runs such a kernel."""


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
    NotNativeError
        If the code depends on something else than kernels, NumPy and numbers.
    """
    about = (CONVENTION, _meaning(function.__code__, function.__globals__), types, fastmath, _machine())
    module = Path(function.__code__.co_filename)
    name = f"{module.stem}.{function.__name__}-{sha256(repr(about).encode()).hexdigest()[:32]}.kernel"
    return _folder(module) / name


def _meaning(code: CodeType, names: Mapping[str, object]) -> list[object]:
    """What is compiled: the instructions of a function and of the kernels it calls, and all their constants.

    Not the text of the module: it may have changed since it was imported.
    """
    if code.co_freevars:
        raise NotNativeError(f"{code.co_name} is a closure")
    found: list[object] = [code.co_code, code.co_names, code.co_varnames]
    for constant in code.co_consts:
        found.append(_meaning(constant, names) if isinstance(constant, CodeType) else constant)
    for name in code.co_names:
        value = names.get(name)
        called = getattr(value, "__wrapped__", None)
        if isinstance(called, FunctionType) and hasattr(value, "fastmath"):
            if called.__code__ is not code:
                found.append((value.fastmath, _meaning(called.__code__, called.__globals__)))
        elif all(isinstance(one, NUMBERS) for one in (value if type(value) is tuple else (value,))):
            found.append((name, value))
        elif name in names and value is not np:
            raise NotNativeError(f"{code.co_name} reads {name}")
    return found


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
    if module.is_file() and os.access(beside if beside.is_dir() else module.parent, os.W_OK):
        return beside
    return platformdirs.user_cache_path("tastemap") / "kernels"


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
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(sha256(content).hexdigest().encode() + b"\n" + content)
            Path(made).replace(path)
        finally:
            Path(made).unlink(missing_ok=True)


_engines: list[Any] = []
"""Loaded code; it stays for as long as the process."""


def load(native: NativeCode, types: Types, name: str) -> Callable[..., Any] | None:
    """A function that calls native code with arguments of these types; it gives up the interpreter lock.

    None if the code was not found in what was loaded.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(native.code))
    engine.finalize_object()
    address = engine.get_function_address(SYMBOL)
    if not address:
        return None
    _engines.append(engine)
    kinds = [ctypes.py_object if isinstance(one, ArrayType) else SCALARS[one] for one in types]
    prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, *kinds)
    return _caller(prototype(address), RESULTS[native.result], name)


def _caller(entry: Callable[..., int], result: type[Any], name: str) -> Callable[..., Any]:
    def check(status: int) -> None:
        if status:
            raise RuntimeError(f"The kernel {name} failed with status {status}.")

    if result is RESULTS["none"]:
        null = ctypes.byref(result())  # one for all threads: whoever writes there writes a null pointer
        return lambda *arguments: check(entry(null, *arguments))

    def call(*arguments: Any) -> Any:
        returned = result()
        check(entry(ctypes.byref(returned), *arguments))
        return returned.value

    return call
