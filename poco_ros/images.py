"""Image bytes as cameras send them to RGB arrays: the encodings of ``sensor_msgs/Image``, and JPEG and PNG.

Conversions mean what ``cv_bridge`` makes of them: 16 bits become 8 by the factor 255 / 65535 (the full range, so a 12
bit sensor that does not fill its 16 bits looks dark), YUV is BT.601 of limited range, alpha is dropped, ``8UC1``,
``8UC3`` and ``8UC4`` (OpenCV's names without a colour order) are taken as mono, BGR and BGRA.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.errors import ImageError

#: Larger images are refused: 8k (7680 x 4320, 33 million pixels) and square 8192 x 8192 pass.
MAX_SIDE = 16384
MAX_PIXELS = 8192 * 8192

#: The closing chunk of a PNG with its checksum.
_PNG_END = b'IEND\xaeB`\x82'
#: OpenCV before 4.10 cannot decode to RGB and needs a second pass.
_DECODE_RGB: int | None = getattr(cv2, 'IMREAD_COLOR_RGB', None)

ImageArray = npt.NDArray[np.uint8]
ImageBytes: TypeAlias = 'bytes | bytearray | memoryview | array[int] | ImageArray'


@dataclass(frozen=True)
class _Layout:
    """How an encoding lies in memory, and OpenCV's conversion from its 8-bit form to RGB.

    :param channels: values per pixel of one row.
    :param conversion: None where it is RGB already.
    :param bits: 8 or 16.
    :param rows: rows of data per image row; 1.5 where colour planes follow the brightness plane.
    :param even: width (and with planes also height) must be even.
    """

    channels: int
    conversion: int | None
    bits: int = 8
    rows: float = 1.0
    even: bool = False


_LAYOUTS = {
    'rgb8': _Layout(3, None),
    'bgr8': _Layout(3, cv2.COLOR_BGR2RGB),
    'rgba8': _Layout(4, cv2.COLOR_RGBA2RGB),
    'bgra8': _Layout(4, cv2.COLOR_BGRA2RGB),
    'mono8': _Layout(1, cv2.COLOR_GRAY2RGB),
    '8UC1': _Layout(1, cv2.COLOR_GRAY2RGB),
    '8UC3': _Layout(3, cv2.COLOR_BGR2RGB),
    '8UC4': _Layout(4, cv2.COLOR_BGRA2RGB),
    'rgb16': _Layout(3, None, 16),
    'bgr16': _Layout(3, cv2.COLOR_BGR2RGB, 16),
    'mono16': _Layout(1, cv2.COLOR_GRAY2RGB, 16),
    # ROS calls UYVY "yuv422" and YUYV "yuv422_yuy2"; newer releases have the plain names as well.
    'yuv422': _Layout(2, cv2.COLOR_YUV2RGB_UYVY, even=True),
    'uyvy': _Layout(2, cv2.COLOR_YUV2RGB_UYVY, even=True),
    'yuv422_yuy2': _Layout(2, cv2.COLOR_YUV2RGB_YUY2, even=True),
    'yuyv': _Layout(2, cv2.COLOR_YUV2RGB_YUY2, even=True),
    'nv12': _Layout(1, cv2.COLOR_YUV2RGB_NV12, rows=1.5, even=True),
    'nv21': _Layout(1, cv2.COLOR_YUV2RGB_NV21, rows=1.5, even=True),
    # ROS names a mosaic by its first two rows, OpenCV's older names by the second and third column of its second row.
    **{f'bayer_{pattern}{bits}': _Layout(1, conversion, bits) for bits in (8, 16) for pattern, conversion in (
        ('rggb', cv2.COLOR_BayerBG2RGB), ('bggr', cv2.COLOR_BayerRG2RGB),
        ('gbrg', cv2.COLOR_BayerGR2RGB), ('grbg', cv2.COLOR_BayerGB2RGB))},
}

ENCODINGS = tuple(_LAYOUTS)
"""The encodings that :func:`to_rgb` reads."""


def to_rgb(data: ImageBytes, height: int, width: int, encoding: str, step: int,
           is_bigendian: bool = False) -> ImageArray:
    """Return the picture in the fields of a ``sensor_msgs/Image``.

    :param data: step * height bytes (3/2 of it for nv12 and nv21): an array of uint8, ``array.array`` or bytes.
    :param height: rows.
    :param width: columns.
    :param encoding: one of :data:`ENCODINGS`.
    :param step: bytes from one row to the next, padding included.
    :param is_bigendian: order of the bytes of 16-bit encodings.
    :returns: (height, width, 3) uint8, RGB, C-contiguous. For rgb8 without padding it is ``data`` itself, not a copy.
    :raises ImageError: when the encoding is not known, the size is zero or beyond :data:`MAX_SIDE` or
        :data:`MAX_PIXELS`, or step and data do not fit the size.
    """
    layout = _LAYOUTS.get(encoding)
    if layout is None:
        depth = ' (a depth image; subscribe to the colour image instead)' if encoding in ('16UC1', '32FC1') else ''
        raise ImageError(f'image encoding {encoding!r}{depth} is not supported; supported are {", ".join(ENCODINGS)}')
    _check_size(height, width)
    if layout.even and (width % 2 or (layout.rows != 1 and height % 2)):
        raise ImageError(f'{encoding} image of {width}x{height}: the size must be even, two pixels share their colour')
    item = layout.bits // 8
    rows = int(height * layout.rows)
    row_bytes = width * layout.channels * item
    flat = np.frombuffer(data, np.uint8)
    if step < row_bytes:
        raise ImageError(f'image step {step} is less than a row of {width} {encoding} pixels, {row_bytes} bytes; '
                         'the publisher must set step to the bytes between rows')
    if flat.size != step * rows:
        cut = 'truncated' if flat.size < step * rows else 'too long'
        raise ImageError(f'image data is {cut}: {flat.size} bytes, but {rows} rows of step {step} are {step * rows} '
                         f'({width}x{height} {encoding})')
    shape = (rows, width) if layout.channels == 1 else (rows, width, layout.channels)
    strides = (step, item) if layout.channels == 1 else (step, item * layout.channels, item)
    order = '>' if is_bigendian else '<'
    pixels: npt.NDArray[np.generic] = np.ndarray(shape, f'{order}u{item}', flat, strides=strides)
    if layout.bits == 16:
        aligned = np.require(pixels, np.dtype(np.uint16), ['C', 'A'])
        pixels = np.asarray(cv2.convertScaleAbs(aligned, alpha=255 / 65535))
    if layout.conversion is None:
        return np.ascontiguousarray(pixels, np.uint8)
    try:
        return np.asarray(cv2.cvtColor(pixels.view(np.uint8), layout.conversion), np.uint8)
    except cv2.error as error:
        raise ImageError(f'{encoding} image of {width}x{height} cannot be converted: {error}') from error


def decode_compressed(data: ImageBytes, message_format: str = '') -> ImageArray:
    """Return the picture in a ``sensor_msgs/CompressedImage``, or in a JPEG or PNG file's bytes.

    Orientation tags are not followed: the camera's calibration belongs to the pixels as they are stored.

    :param data: a whole JPEG or PNG.
    :param message_format: the message's ``format``; only used to recognise depth images.
    :returns: (H, W, 3) uint8, RGB, C-contiguous.
    :raises ImageError: for a depth image, another format, truncated or broken data, or a picture beyond
        :data:`MAX_SIDE` or :data:`MAX_PIXELS` (found before decoding).
    """
    if 'compressedDepth' in message_format or message_format.startswith(('16UC1', '32FC1')):
        raise ImageError(f'compressed image format {message_format!r} is a depth image; '
                         'subscribe to the colour camera\'s compressed topic')
    flat = np.frombuffer(data, np.uint8)
    raw = flat.tobytes()
    if raw.startswith(b'\xff\xd8'):
        size = _jpeg_size(raw)
    elif raw.startswith(b'\x89PNG\r\n\x1a\n'):
        size = _png_size(raw)
    else:
        raise ImageError(f'compressed image (format {message_format!r}, {flat.size} bytes) is neither JPEG nor PNG; '
                         'set the publisher\'s format to one of them')
    if size is None:
        raise ImageError(f'compressed image (format {message_format!r}, {flat.size} bytes) is truncated or broken')
    _check_size(*size)
    colour = cv2.IMREAD_COLOR if _DECODE_RGB is None else _DECODE_RGB
    try:
        picture = cv2.imdecode(flat, colour | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise ImageError(f'compressed image cannot be decoded: {error}') from error
    if picture is None:
        raise ImageError(f'compressed image (format {message_format!r}, {flat.size} bytes) is broken')
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) if _DECODE_RGB is None else picture, np.uint8)


def _check_size(height: int, width: int) -> None:
    if height <= 0 or width <= 0:
        raise ImageError(f'image of {width}x{height} has no pixels; width and height must be set')
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
        raise ImageError(f'image of {width}x{height} is too large; at most {MAX_SIDE} on a side and {MAX_PIXELS} '
                         'pixels are taken, reduce the camera\'s resolution')


def _png_size(raw: bytes) -> tuple[int, int] | None:
    """Return height and width from a PNG's header; None when the header or the closing chunk is missing."""
    if len(raw) < 33 or raw[12:16] != b'IHDR' or _PNG_END not in raw[-64:]:
        return None
    return int.from_bytes(raw[20:24], 'big'), int.from_bytes(raw[16:20], 'big')


def _jpeg_size(raw: bytes) -> tuple[int, int] | None:
    """Return height and width from a JPEG's frame header; None when that or the end marker is missing.

    Some decoders fill a truncated picture with grey and call it a success: hence the look for the end marker. It cannot
    occur inside picture data, but may in a preview inside the header, which is skipped.
    """
    size, at = None, 2
    while at + 9 <= len(raw) and raw[at] == 0xFF:
        marker = raw[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        length = int.from_bytes(raw[at + 2:at + 4], 'big')
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame, of any coding
            size = int.from_bytes(raw[at + 5:at + 7], 'big'), int.from_bytes(raw[at + 7:at + 9], 'big')
        at += 2 + length
        if marker == 0xDA:  # start of scan: the picture's data follow
            return size if raw.find(b'\xff\xd9', at) >= 0 else None
    return None
