"""How does a loop over series and samples become machine code?

Some recursions cannot be written as whole-array arithmetic without storing every step of them.
Those are plain Python loops that numba compiles once and keeps on disk.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core.dispatcher import Dispatcher

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Return `function` compiled at its first call; arrays and numbers in, arrays out.

    Kernels release the interpreter's lock and must not raise: bounds are the caller's to check.
    """
    try:
        return _jit(function, cache=True)
    except RuntimeError:  # no folder to keep the machine code in can be written to
        return _jit(function, cache=False)


def uncompiled(function: F) -> F:
    """Return the Python function that `compiled` was given, as its slow twin for tests."""
    return cast("Dispatcher[F]", function).py_func


def _jit(function: F, *, cache: bool) -> F:
    return cast("F", numba.njit(cache=cache, nogil=True, error_model="numpy")(function))
