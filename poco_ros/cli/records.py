"""Messages as lines of strict JSON, every field by its own name, and back.

Integers are exact. A float32 is written with the nine digits that give the same float32 again, a float64 with
seventeen. What JSON has no number for is spelled out: NaN (not known) is ``null``, infinities are the texts
``"Infinity"`` and ``"-Infinity"``. One key is not a field: ``received_ns``, when the message arrived, in nanoseconds
of the system clock.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.errors import PocoError

Record = dict[str, Any]


def to_record(message: Any) -> Record:
    """Return a message as plain data: nested dictionaries and lists of int, float, str, bool and None.

    :param message: an instance of a generated message class.
    """
    fields = message.get_fields_and_field_types()
    return {name: _plain(getattr(message, name), kind) for name, kind in fields.items()}


def _plain(value: Any, kind: str) -> Any:
    if hasattr(value, 'get_fields_and_field_types'):
        return to_record(value)
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (bytes, bytearray)):  # the type byte
        return value[0] if len(value) == 1 and '[' not in kind else list(value)
    if isinstance(value, (float, np.floating)):
        return _number(float(value), 17 if 'double' in kind else 9)
    digits = 17 if 'double' in kind else 9
    items = value.tolist() if hasattr(value, 'tolist') else value
    return [_number(item, digits) if isinstance(item, float) else _plain(item, kind) for item in items]


def _number(value: float, digits: int) -> float | str | None:
    if math.isfinite(value):
        return float(f'{value:.{digits}g}')
    if math.isnan(value):
        return None
    return 'Infinity' if value > 0 else '-Infinity'


def floats(values: Any) -> npt.NDArray[np.float64]:
    """Return numbers of a record as an array of the same shape, NaN and infinities restored."""
    return np.array(values, dtype=np.float64)


def stamp_ns(record: Record) -> int:
    """Return ``header.stamp`` of a record in nanoseconds."""
    stamp = record['header']['stamp']
    return int(stamp['sec']) * 1_000_000_000 + int(stamp['nanosec'])


class JsonLines:
    """A file that gets one record a line, each complete as soon as it is written.

    :param path: created, or emptied when it is there.
    :raises PocoError: when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        try:
            self._file = path.open('w', encoding='utf-8', buffering=1)
        except OSError as error:
            raise PocoError(f'cannot write {path}: {error.strerror}') from error

    def write(self, record: Record) -> None:
        """Append one record.

        :raises PocoError: when the disk is full or gone.
        """
        try:
            self._file.write(json.dumps(record, allow_nan=False, separators=(',', ':')) + '\n')
        except OSError as error:
            raise PocoError(f'cannot write {self.path}: {error.strerror}') from error
        self.count += 1

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
        except OSError as full:  # what a failed write has left over; told already unless this is the first
            if error is None:
                raise PocoError(f'cannot write {self.path}: {full.strerror}') from full


def read_records(path: Path) -> Iterator[Record]:
    """Give the records of a file, line by line.

    :raises PocoError: when the file is missing or a line is not JSON; names the line.
    """
    try:
        with path.open(encoding='utf-8') as file:
            for number, line in enumerate(file, 1):
                try:
                    yield json.loads(line)
                except json.JSONDecodeError as error:
                    raise PocoError(f'{path}, line {number}: not JSON ({error.msg})') from error
    except OSError as error:
        raise PocoError(f'cannot read {path}: {error.strerror}') from error
