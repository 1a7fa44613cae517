"""What TensorRT and CUDA publish, in common to the versions we run on, and whether a call fits it."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from types import SimpleNamespace

API = json.loads((Path(__file__).parent / 'tensorrt_api.json').read_text())


def fits(overloads, args, kwargs):
    """Whether a call fits one of the overloads."""
    for names in overloads:
        parameters = [
            inspect.Parameter(name.rstrip('='), inspect.Parameter.POSITIONAL_OR_KEYWORD,
                              default=None if name.endswith('=') else inspect.Parameter.empty)
            for name in names]
        try:
            inspect.Signature(parameters).bind(*args, **kwargs)
        except TypeError:
            continue
        return True
    return False


def enumeration(name, members):
    """An enumeration whose members have an int value in the order listed."""
    class Member(int):
        def __repr__(self):
            return f'{name}.{next(key for key, value in vars(holder).items() if value is self)}'

    holder = SimpleNamespace(**{member: Member(index) for index, member in enumerate(members)})
    return holder
