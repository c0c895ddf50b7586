"""The one way in which Tastemap compiles a kernel."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property, update_wrapper
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import numpy as np

from tastemap.linalg import native
from tastemap.linalg.native import ArrayType, NativeCode, NotNativeError, Types
from tastemap.progress import tell_of_compilation

F = TypeVar("F", bound=Callable[..., Any])

LIBRARY_FUNCTIONS = {"sqrt"}
"""Functions of C that code on disk may call; any other name might not be found when it is loaded."""

FLAGS = 0x1 | 0x100 | 0x400
"""NumPy's bits for arrays that are contiguous, aligned and writeable."""


def kernel(function: F) -> F:
    """Compile `function` with Numba: without the interpreter lock, kept on disk after the first use.

    Sums keep the order they are written in (no ``fastmath``), so results are the same bits at any
    thread count. The cache stands beside the module, or in the user's cache folder where the
    package is read-only. A kernel makes no array: what it fills or needs for a while, it is given.
    """
    return _decorated(function, ())


def fast_kernel(function: F) -> F:
    """Like :func:`kernel`, but sums may be reordered to use the processor's vector units.

    The order is fixed when the code is compiled, so results still do not depend on threads.
    """
    return _decorated(function, ("contract", "nsz", "reassoc"))


def _decorated(function: F, fastmath: tuple[str, ...]) -> F:
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return function
    return cast(F, Kernel(cast(FunctionType, function), fastmath))


class Kernel:
    """A function whose native code is found, or made, when it is first called with arguments of some types."""

    def __init__(self, function: FunctionType, fastmath: tuple[str, ...]) -> None:
        update_wrapper(self, function)
        self.function = function
        self.fastmath = fastmath
        self._ready: dict[Types | None, Callable[..., Any]] = {}
        self._met: dict[tuple[object, ...], Callable[..., Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel."""
        # Says the same as `types_of`, in half the time.
        looks = tuple(
            [
                (one.dtype, one.ndim, one.flags.num & FLAGS) if isinstance(one, np.ndarray) else type(one)
                for one in arguments
            ]
        )
        run = self._met.get(looks)
        if run is None:
            run = self._met[looks] = self._code_for(native.types_of(arguments))
        return run(*arguments)

    def _code_for(self, types: Types | None) -> Callable[..., Any]:
        run = self._ready.get(types)
        if run is None:
            # Two threads may come here at once; they load the same code twice and keep one.
            run = self._ready[types] = self._native(types) or self.by_numba
        return run

    def _native(self, types: Types | None) -> Callable[..., Any] | None:
        """The code for these types, loaded; None where it is Numba's task to compile, keep and run it."""
        if types is None:
            return None
        try:
            path = native.cache_file(self.function, types, self.fastmath)
        except NotNativeError:
            return None
        found = native.read(path) or _compiled(self, types, path)
        return native.load(found, types, self.function.__name__) if found.code else None

    @cached_property
    def by_numba(self) -> Any:
        """Numba's own version, with Numba's own cache; imports Numba."""
        from numba import njit

        return njit(cache=True, nogil=True, fastmath=set(self.fastmath))(self.function)

    @property
    def _numba_type_(self) -> Any:  # what Numba asks for when another kernel calls this one
        return self.by_numba._numba_type_


def _compiled(made_of: Kernel, types: Types, path: Path) -> NativeCode:
    """Compile and keep; without code if Numba must do everything, which is kept as well unless it may pass."""
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.errors import NumbaError

    with global_compiler_lock:
        found = native.read(path)  # another thread may have been here
        if found is None:
            tell_of_compilation()
            try:
                found = _by_private_means(made_of, types)
            # Another version of Numba may lack what is used, and a kernel may need what code on disk
            # cannot have. Numba itself then compiles the kernel, or says what is wrong with it.
            except (NotNativeError, NumbaError, AttributeError, ImportError, TypeError):
                found = NativeCode("", b"")
            except Exception:  # such as a lack of memory, which is no reason for ever
                return NativeCode("", b"")
            native.write(path, found)
    return found


def _by_private_means(made_of: Kernel, types: Types) -> NativeCode:
    import llvmlite.binding as llvm
    from numba import njit

    # Without Numba's memory manager, which lives in Numba, and without wrappers for the interpreter.
    bare: dict[str, Any] = {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    dispatcher: Any = njit(nogil=True, fastmath=set(made_of.fastmath), **bare)(made_of.function)
    compiled = dispatcher._compiler._compile_core(tuple(map(_numba_type, types)), None)
    library, result = compiled.library, str(compiled.fndesc.restype)
    module = library._final_module.clone()
    parts = [*module.functions, *module.global_variables]
    foreign = {part.name for part in parts if part.is_declaration and not part.name.startswith("llvm.")}
    if library.has_dynamic_globals or foreign - LIBRARY_FUNCTIONS or result not in native.RESULTS:
        raise NotNativeError(f"{made_of.function.__name__} returns {result} and needs {sorted(foreign)}")
    module.link_in(llvm.parse_assembly(_entry(compiled.fndesc.llvm_func_name, types)))
    return NativeCode(result, library.codegen._tm.emit_object(module))


def _entry(function: str, types: Types) -> str:
    """A function in LLVM's language that takes arrays as objects and calls `function` as Numba would.

    Numba's convention (``numba/core/callconv.py``): where to put the result, where to put an error, then the
    arguments; an array as the memory manager's record, the owner, the number of items, the size of one,
    the data, the shape and the strides. An array object is NumPy's ``PyArrayObject_fields``.
    """
    taken, body, passed = ["ptr %result"], ["%error = alloca ptr"], ["ptr %result", "ptr %error"]
    for place, one in enumerate(types):
        name = f"%a{place}"
        if not isinstance(one, ArrayType):
            taken.append(f"{'double' if one is float else 'i64'} {name}")
            passed.append(taken[-1])
            continue
        taken.append(f"ptr {name}")
        for field, offset in (("data", 0), ("shape", 16), ("strides", 24)):  # in bytes after the head
            body += _load("ptr", f"{name}.{field}", name, object.__basicsize__ + offset)
        size = "1"
        for axis in range(one.ndim):
            body += _load("i64", f"{name}.n{axis}", f"{name}.shape", 8 * axis)
            body += _load("i64", f"{name}.s{axis}", f"{name}.strides", 8 * axis)
            body.append(f"{name}.size{axis} = mul i64 {size}, {name}.n{axis}")
            size = f"{name}.size{axis}"
        passed += ["ptr null", "ptr null", f"i64 {size}", f"i64 {one.dtype.itemsize}", f"ptr {name}.data"]
        passed += [f"i64 {name}.{part}{axis}" for part in "ns" for axis in range(one.ndim)]
    arguments = ", ".join(passed)
    kinds = ", ".join(each.split()[0] for each in passed)
    body += [f'%status = call i32 @"{function}"({arguments})', "ret i32 %status"]
    head = f'declare i32 @"{function}"({kinds})\ndefine i32 @{native.SYMBOL}({", ".join(taken)}) {{'
    return "\n".join([head, *body, "}"])


def _load(kind: str, to: str, base: str, offset: int) -> list[str]:
    return [f"{to}.at = getelementptr i8, ptr {base}, i64 {offset}", f"{to} = load {kind}, ptr {to}.at"]


def _numba_type(one: native.Type) -> Any:
    from numba import types
    from numba.np.numpy_support import from_dtype

    if not isinstance(one, ArrayType):
        return types.float64 if one is float else types.int64
    item = from_dtype(one.dtype)
    return types.Array(item, one.ndim, "C" if one.is_contiguous else "A", readonly=not one.is_writeable)
