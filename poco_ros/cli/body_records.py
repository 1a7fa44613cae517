"""Between records of ``SmplBodyArray`` messages (:mod:`poco_ros.cli.records`) and :class:`poco_ros.types.Bodies`."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from poco_ros.cli.records import Record, floats
from poco_ros.errors import PocoError
from poco_ros.types import Bodies

_DIGITS = 9


def bodies_from_record(record: Record) -> Bodies:
    """Return the bodies of a record.

    :raises PocoError: when it is not the record of such a message.
    """
    try:
        rows = record['bodies']
        bodies = Bodies.unknown(len(rows))
        for field in dataclasses.fields(Bodies):
            target = getattr(bodies, field.name)
            for i, row in enumerate(rows):
                target[i] = floats(row[field.name]).reshape(target[i].shape)
    except (KeyError, TypeError, ValueError) as error:
        raise PocoError(f'not the record of a SmplBodyArray ({error!r})') from error
    return bodies


def with_bodies(record: Record, bodies: Bodies) -> Record:
    """Return a record with other bodies, all else as it is."""
    columns = {field.name: getattr(bodies, field.name) for field in dataclasses.fields(Bodies)}
    rows = [{name: _plain(column[i]) for name, column in columns.items()} for i in range(len(bodies))]
    return {**record, 'bodies': rows}


def _plain(value: Any) -> Any:
    flat = np.asarray(value).ravel()
    if flat.dtype.kind != 'f':
        items: list[Any] = flat.tolist()
    else:
        items = [_number(item) for item in flat.tolist()]
    return items if np.ndim(value) else items[0]


def _number(value: float) -> float | str | None:
    """Spell a number as the records do: NaN is null, infinities are texts."""
    if np.isfinite(value):
        return float(f'{value:.{_DIGITS}g}')
    return None if np.isnan(value) else 'Infinity' if value > 0 else '-Infinity'
