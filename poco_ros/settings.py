"""Fields of configuration dataclasses: description and range in the metadata, checked on construction."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from poco_ros.errors import ConfigError


def described(default: Any, description: str, **metadata: Any) -> Any:
    """Return a field with a description, and whatever else its readers understand: see ``nodes/parameters.py``.

    :param default: of a plain type; the field takes the same.
    :param description: one line of plain text, with the unit.
    """
    return dataclasses.field(default=default, metadata={'description': description, **metadata})


def setting(default: Any, description: str, low: float, high: float) -> Any:
    """Return a field for a number.

    :param default: an int or a float; the field takes the same type.
    :param description: one line of plain text, with the unit.
    :param low: least value allowed.
    :param high: largest value allowed.
    """
    return described(default, description, min=low, max=high)


def choice(default: str, description: str, *values: str) -> Any:
    """Return a field for one of several words."""
    return described(default, description, choices=values)


def check_settings(config: Any) -> None:
    """Check every field of a dataclass instance that was made with :func:`setting` or :func:`choice`.

    :raises ConfigError: when a value is of another type, out of its range or none of its choices; names the field.
    """
    for field in dataclasses.fields(config):
        value, meta = getattr(config, field.name), field.metadata
        if 'choices' in meta:
            if value not in meta['choices']:
                raise ConfigError(f'{field.name} must be one of {", ".join(meta["choices"])}, not {value!r}')
        elif 'min' in meta:
            is_float = isinstance(field.default, float)
            if isinstance(value, bool) or not isinstance(value, (int, float) if is_float else int) or \
                    not math.isfinite(value):
                raise ConfigError(f'{field.name} must be a finite {"float" if is_float else "int"}, got {value!r}')
            if not meta['min'] <= value <= meta['max']:
                raise ConfigError(f'{field.name} must be between {meta["min"]} and {meta["max"]}, got {value}')
