"""Numerical kernels: compiled for this processor at their first call, and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar('Function', bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function of arrays and numbers; it must not meet NaN or infinity (their rules are given up for speed).

    :param function: in numba's subset of Python.
    :returns: the same function, compiled when it is first called, single-threaded.
    """
    return cast(Function, njit(cache=True, fastmath=True)(function))
