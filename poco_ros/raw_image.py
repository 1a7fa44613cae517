"""Reads a serialised ``sensor_msgs/Image`` in place: the image data become a view of the received bytes.

A raw subscription gives the message as it came over the wire (CDR, little or big endian). Deserialising it would
copy the image into Python once more; here only the few header fields are decoded, by hand:

====================  ==============================================
encapsulation         4 bytes; the second holds the endianness
header.stamp          int32 seconds, uint32 nanoseconds
header.frame_id       uint32 length with the terminating zero, text
height, width         uint32 each
encoding              string as above
is_bigendian          uint8
step                  uint32
data                  uint32 length, bytes
====================  ==============================================

Numbers are aligned to their size, counted from the end of the encapsulation.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.errors import ImageError

_ENCAPSULATION_BYTES = 4
#: Plain CDR of XCDR version 1, which every ROS 2 middleware sends for fixed types, and plain CDR of version 2.
_KINDS = {0x00: '>', 0x01: '<', 0x06: '>', 0x07: '<'}
#: Longer texts are garbage: TF frame names and encodings are short.
_LONGEST_TEXT = 4096


@dataclass(frozen=True, eq=False)
class RawImage:
    """The fields of one ``sensor_msgs/Image``.

    :param stamp_ns: header.stamp in nanoseconds.
    :param frame_id: header.frame_id.
    :param height: rows.
    :param width: columns, px.
    :param encoding: pixel format, as in ``sensor_msgs/image_encodings.hpp``; not checked here.
    :param is_bigendian: byte order of 16-bit pixels.
    :param step: bytes a row.
    :param data: (M,) uint8, a read-only view of the message; M need not fit height x step.
    """

    stamp_ns: int
    frame_id: str
    height: int
    width: int
    encoding: str
    is_bigendian: bool
    step: int
    data: npt.NDArray[np.uint8]


class _Reader:
    """Reads CDR values one after the other from a buffer."""

    def __init__(self, buffer: memoryview, order: str) -> None:
        self._buffer = buffer
        self._order = order
        self._offset = _ENCAPSULATION_BYTES

    def number(self, code: str) -> int:
        """Return the next integer of :mod:`struct` type ``code``, aligned to its size."""
        size = struct.calcsize(code)
        past = (self._offset - _ENCAPSULATION_BYTES) % size
        start = self._offset + (size - past if past else 0)
        try:
            value = struct.unpack_from(self._order + code, self._buffer, start)[0]
        except struct.error:
            raise ImageError(f'image message is truncated: {len(self._buffer)} bytes end in its header') from None
        self._offset = start + size
        return int(value)

    def take(self, count: int, what: str) -> memoryview:
        """Return the next ``count`` bytes."""
        end = self._offset + count
        if end > len(self._buffer):
            raise ImageError(f'image message is truncated: {what} should have {count} bytes, '
                             f'{len(self._buffer) - self._offset} are there')
        part = self._buffer[self._offset:end]
        self._offset = end
        return part

    def text(self, what: str) -> str:
        """Return the next string."""
        length = self.number('I')
        if length > _LONGEST_TEXT:
            raise ImageError(f'image message is garbage: {what} of {length} bytes')
        raw = bytes(self.take(length, what))
        try:
            return raw.rstrip(b'\0').decode()
        except UnicodeDecodeError:
            raise ImageError(f'image message is garbage: {what} is not UTF-8') from None


def read_raw_image(message: bytes | bytearray | memoryview) -> RawImage:
    """Decode a serialised ``sensor_msgs/Image`` without copying its data.

    :param message: the bytes that a raw subscription hands to its call-back.
    :returns: the fields; ``data`` keeps ``message`` alive.
    :raises ImageError: the bytes are truncated or not such a message. Whether encoding, size and data fit each
        other is for the reader of the pixels to check.
    """
    buffer = memoryview(message)
    if len(buffer) < _ENCAPSULATION_BYTES:
        raise ImageError(f'image message is truncated: {len(buffer)} bytes')
    order = _KINDS.get(buffer[1]) if buffer[0] == 0 else None
    if order is None:
        raise ImageError(f'image message is garbage: encapsulation {bytes(buffer[:2]).hex()} is not plain CDR')
    reader = _Reader(buffer, order)
    seconds, nanoseconds = reader.number('i'), reader.number('I')
    frame_id = reader.text('frame_id')
    height, width = reader.number('I'), reader.number('I')
    encoding = reader.text('encoding')
    is_bigendian = bool(reader.number('B'))
    step = reader.number('I')
    data = np.frombuffer(reader.take(reader.number('I'), 'data'), np.uint8)
    data.flags.writeable = False
    return RawImage(seconds * 1_000_000_000 + nanoseconds, frame_id, height, width, encoding, is_bigendian, step, data)
