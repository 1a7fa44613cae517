"""The hand-written reader of serialised images against rclpy's own serialisation."""

from __future__ import annotations

import array
import struct

import numpy as np
import pytest

from poco_ros.errors import ImageError
from poco_ros.raw_image import read_raw_image

CASES = [
    # height, width, encoding, bytes a pixel, padding of the row, frame_id
    (1, 1, 'mono8', 1, 0, ''),
    (3, 5, 'bgr8', 3, 0, 'c'),
    (4, 7, 'rgba8', 4, 4, 'cam'),
    (2, 6, 'mono16', 2, 1, 'camera'),
    (8, 8, 'bayer_rggb8', 1, 0, 'camera_optical_frame'),
    (6, 4, 'yuv422_yuy2', 2, 0, 'münchen/カメラ'),
    (0, 0, 'bgr8', 3, 0, 'empty'),
    (720, 1280, 'bgr8', 3, 0, 'camera_color_optical_frame'),
]


def image_bytes(height, width, encoding, size, padding, frame_id, *, stamp=(12, 345), big=False):
    """Return an Image serialised by rclpy, and the message."""
    serialization = pytest.importorskip('rclpy.serialization')
    from sensor_msgs.msg import Image
    message = Image(height=height, width=width, encoding=encoding, step=width * size + padding)
    message.is_bigendian = int(big)
    message.header.stamp.sec, message.header.stamp.nanosec = stamp
    message.header.frame_id = frame_id
    data = np.random.default_rng(0).integers(0, 256, height * message.step, np.uint8)
    message.data = array.array('B', data.tobytes())
    return serialization.serialize_message(message), message


def big_endian_image(frame_id: str, encoding: str, data: bytes) -> bytes:
    """Return the same layout in big endian, which no local middleware writes, composed independently."""
    out = bytearray(b'\x00\x00\x00\x00')

    def put(code: str, value: int) -> None:
        size = struct.calcsize(code)
        while (len(out) - 4) % size:
            out.append(0xEE)
        out.extend(struct.pack('>' + code, value))

    def text(value: str) -> None:
        put('I', len(value.encode()) + 1)
        out.extend(value.encode() + b'\0')

    put('i', 7)
    put('I', 9)
    text(frame_id)
    put('I', 2)
    put('I', 3)
    text(encoding)
    put('B', 1)
    put('I', 3)
    put('I', len(data))
    out.extend(data)
    return bytes(out)


@pytest.mark.parametrize('case', CASES, ids=lambda c: f'{c[1]}x{c[0]}-{c[2]}')
def test_every_field_is_read_as_it_was_sent(case):
    raw, sent = image_bytes(*case, big=True)
    image = read_raw_image(raw)
    assert image.stamp_ns == 12_000_000_345
    assert image.frame_id == sent.header.frame_id
    assert (image.height, image.width, image.encoding) == (sent.height, sent.width, sent.encoding)
    assert image.is_bigendian is True
    assert image.step == sent.step
    assert image.data.tobytes() == sent.data.tobytes()


@pytest.mark.parametrize('length', range(9))
def test_alignment_holds_for_every_length_of_the_texts(length):
    for other in range(9):
        raw, sent = image_bytes(2, 3, 'e' * other, 1, 0, 'f' * length, stamp=(-1, 999_999_999))
        image = read_raw_image(raw)
        assert (image.frame_id, image.encoding, image.step) == ('f' * length, 'e' * other, 3)
        assert image.stamp_ns == -1
        assert image.data.tobytes() == sent.data.tobytes()


def test_the_data_are_a_read_only_view_of_the_message():
    raw, _ = image_bytes(*CASES[-1])
    data = read_raw_image(raw).data
    whole = np.frombuffer(raw, np.uint8)
    assert np.shares_memory(data, whole)
    assert not data.flags.writeable


@pytest.mark.parametrize('frame_id', ['', 'a', 'ab', 'camera'])
def test_big_endian_messages(frame_id):
    image = read_raw_image(big_endian_image(frame_id, 'mono8', b'abcdef'))
    assert (image.stamp_ns, image.frame_id, image.height, image.width) == (7_000_000_009, frame_id, 2, 3)
    assert (image.encoding, image.is_bigendian, image.step) == ('mono8', True, 3)
    assert image.data.tobytes() == b'abcdef'


def test_every_truncation_is_named():
    raw, _ = image_bytes(2, 3, 'bgr8', 3, 0, 'camera')
    payload = len(raw.rstrip(b'\0')) if len(raw) % 4 else len(raw)
    for end in range(min(payload, len(raw)) - 1):
        try:
            image = read_raw_image(raw[:end])
        except ImageError as error:
            assert 'truncated' in str(error)
        else:  # only the serialiser's padding after the data may be missing
            assert image.data.size == 18


def test_garbage_is_refused_and_never_crashes():
    random = np.random.default_rng(1)
    for size in (0, 3, 4, 20, 64, 500):
        for _ in range(200):
            junk = random.integers(0, 256, size, np.uint8).tobytes()
            with pytest.raises(ImageError):
                read_raw_image(junk)
            try:
                image = read_raw_image(b'\0\1\0\0' + junk)
            except ImageError:
                continue
            assert image.data.size <= size


def test_text_that_is_not_utf8_is_refused():
    raw = bytearray(image_bytes(1, 1, 'mono8', 1, 0, 'camera')[0])
    raw[16] = 0xFF
    with pytest.raises(ImageError, match='frame_id is not UTF-8'):
        read_raw_image(raw)
