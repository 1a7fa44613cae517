"""What the values of an input must be for a golden file to make sense."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poco_ros.evaluation.parity.comparison import Array

Rule = Callable[[Array], str]


def only(*allowed: float) -> Rule:
    """Return a rule: no other values than these."""
    def problem(array: Array) -> str:
        others = np.setdiff1d(array, allowed)
        return f'holds {others[0]}; only {" and ".join(map(str, allowed))} are allowed' if len(others) else ''

    return problem


def within(low: float, high: float) -> Rule:
    """Return a rule: all values from low to high, both included."""
    def problem(array: Array) -> str:
        outside = array[(array < low) | (array > high)]
        return f'holds {outside.flat[0]}; allowed is {low:g} to {high:g}' if outside.size else ''

    return problem


def begins(prefix: str) -> Rule:
    """Return a rule: the text begins so."""
    def problem(array: Array) -> str:
        return '' if str(array[()]).startswith(prefix) else f'is {array[()]!s}, not {prefix}x'

    return problem
