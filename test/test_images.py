"""Image encodings against independent formulae, and what broken images get."""

from __future__ import annotations

from array import array

import cv2
import numpy as np
import pytest

from poco_ros import images
from poco_ros.errors import ImageError
from poco_ros.images import decode_compressed, to_rgb


@pytest.fixture(scope='module')
def rgb() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (36, 52, 3), np.uint8)


@pytest.fixture(scope='module')
def smooth() -> np.ndarray:
    """A picture without sharp edges, so that shared colours and interpolated mosaics stay close to it."""
    y, x = np.mgrid[:48, :64] / 64
    waves = [np.sin(3 * x + 1), np.cos(2 * y - x), np.sin(2 * x + 3 * y + 2)]
    return np.round(127.5 + 90 * np.stack(waves, axis=-1)).astype(np.uint8)


def to_yuv(rgb: np.ndarray) -> np.ndarray:
    """BT.601 of limited range, by its definition."""
    r, g, b = (rgb[..., i].astype(float) for i in range(3))
    y = 16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255
    u = 128 + (-37.797 * r - 74.203 * g + 112.0 * b) / 255
    v = 128 + (112.0 * r - 93.786 * g - 18.214 * b) / 255
    return np.stack([y, u, v], axis=-1)


def with_padding(rows: np.ndarray, padding: int) -> tuple[np.ndarray, int]:
    """Rows of bytes with ``padding`` bytes of rubbish behind each; the flat data and the step."""
    flat = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
    rubbish = np.random.default_rng(1).integers(0, 256, (len(rows), padding), np.uint8)
    padded = np.concatenate([flat, rubbish], axis=1)
    return padded.ravel(), padded.shape[1]


PLAIN = {
    'rgb8': lambda p: p,
    'bgr8': lambda p: p[..., ::-1],
    '8UC3': lambda p: p[..., ::-1],
    'rgba8': lambda p: np.dstack([p, p[..., :1]]),
    'bgra8': lambda p: np.dstack([p[..., ::-1], p[..., :1]]),
    '8UC4': lambda p: np.dstack([p[..., ::-1], p[..., :1]]),
    'rgb16': lambda p: p * np.uint16(257),
    'bgr16': lambda p: p[..., ::-1] * np.uint16(257),
}


@pytest.mark.parametrize('encoding', PLAIN)
@pytest.mark.parametrize('padding', [0, 1, 12])
def test_colour_encodings(rgb: np.ndarray, encoding: str, padding: int) -> None:
    data, step = with_padding(PLAIN[encoding](rgb), padding)
    out = to_rgb(data, 36, 52, encoding, step)
    np.testing.assert_array_equal(out, rgb)
    assert out.flags.c_contiguous and out.dtype == np.uint8


@pytest.mark.parametrize('encoding', ['mono8', '8UC1'])
@pytest.mark.parametrize('padding', [0, 5])
def test_mono8(rgb: np.ndarray, encoding: str, padding: int) -> None:
    data, step = with_padding(rgb[..., 0], padding)
    np.testing.assert_array_equal(to_rgb(data, 36, 52, encoding, step), np.repeat(rgb[..., :1], 3, axis=2))


@pytest.mark.parametrize('big_endian', [False, True])
@pytest.mark.parametrize('padding', [0, 3])
def test_mono16_is_scaled_from_full_range_to_full_range(big_endian: bool, padding: int) -> None:
    """All 65536 values: the nearest of value * 255 / 65535, in both byte orders, also where rows are not aligned."""
    values = np.arange(65536).reshape(256, 256)
    data, step = with_padding(values.astype('>u2' if big_endian else '<u2'), padding)
    out = to_rgb(data, 256, 256, 'mono16', step, big_endian)
    np.testing.assert_array_equal(out[..., 0], np.rint(values * 255 / 65535))
    np.testing.assert_array_equal(out[..., 0], out[..., 2])


@pytest.mark.parametrize(('encoding', 'order'), [
    ('yuv422', 'UYVY'), ('uyvy', 'UYVY'), ('yuv422_yuy2', 'YUYV'), ('yuyv', 'YUYV')])
@pytest.mark.parametrize('padding', [0, 6])
def test_packed_yuv(smooth: np.ndarray, encoding: str, order: str, padding: int) -> None:
    yuv = to_yuv(smooth)
    y0, y1 = yuv[:, 0::2, 0], yuv[:, 1::2, 0]
    u, v = ((yuv[:, 0::2, i] + yuv[:, 1::2, i]) / 2 for i in (1, 2))
    planes = {'UYVY': (u, y0, v, y1), 'YUYV': (y0, u, y1, v)}[order]
    packed = np.round(np.stack(planes, axis=-1)).astype(np.uint8).reshape(48, -1)
    data, step = with_padding(packed, padding)
    assert np.abs(to_rgb(data, 48, 64, encoding, step).astype(int) - smooth).max() <= 5


@pytest.mark.parametrize('encoding', ['nv12', 'nv21'])
@pytest.mark.parametrize('padding', [0, 6])
def test_planar_yuv(smooth: np.ndarray, encoding: str, padding: int) -> None:
    yuv = to_yuv(smooth)
    chroma = yuv[..., 1:].reshape(24, 2, 32, 2, 2).mean(axis=(1, 3))
    chroma = chroma if encoding == 'nv12' else chroma[..., ::-1]
    rows = np.round(np.concatenate([yuv[..., 0], chroma.reshape(24, 64)])).astype(np.uint8)
    data, step = with_padding(rows, padding)
    assert np.abs(to_rgb(data, 48, 64, encoding, step).astype(int) - smooth).max() <= 6


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
@pytest.mark.parametrize('bits', [8, 16])
def test_bayer_mosaics(smooth: np.ndarray, pattern: str, bits: int) -> None:
    """The pattern's name gives the colours of the first two rows; a wrong name exchanges colours."""
    mosaic = np.empty(smooth.shape[:2], np.uint8)
    for i, colour in enumerate(pattern):
        row, column = divmod(i, 2)
        mosaic[row::2, column::2] = smooth[row::2, column::2, 'rgb'.index(colour)]
    raw = mosaic * np.uint16(257) if bits == 16 else mosaic
    data, step = with_padding(raw, 4)
    out = to_rgb(data, 48, 64, f'bayer_{pattern}{bits}', step)
    inner = (slice(2, -2), slice(2, -2))
    assert np.abs(out[inner].astype(int) - smooth[inner]).max() <= 6


def test_every_listed_encoding_reads_the_smallest_image() -> None:
    for encoding in images.ENCODINGS:
        out = to_rgb(np.full(2 * 16 * 2, 128, np.uint8)[:32 * (3 if encoding.startswith('nv') else 2) // 2],
                     2, 2, encoding, 16)
        assert out.shape == (2, 2, 3), encoding


@pytest.mark.parametrize('container', [bytes, bytearray, memoryview, lambda d: array('B', d), np.asarray])
def test_any_container_of_bytes(rgb: np.ndarray, container: object) -> None:
    data = container(rgb.tobytes() if container is not np.asarray else rgb.ravel())  # type: ignore[operator]
    np.testing.assert_array_equal(to_rgb(data, 36, 52, 'rgb8', 156), rgb)


def test_rgb8_is_not_copied(rgb: np.ndarray) -> None:
    data = rgb.ravel()
    assert np.shares_memory(to_rgb(data, 36, 52, 'rgb8', 156), data)


def test_8k_works() -> None:
    out = to_rgb(np.zeros(7680 * 4320 * 3, np.uint8), 4320, 7680, 'bgr8', 7680 * 3)
    assert out.shape == (4320, 7680, 3)


@pytest.mark.parametrize(('height', 'width', 'encoding', 'step', 'size', 'match'), [
    (4, 4, 'bgr10', 12, 48, "'bgr10' is not supported; supported are rgb8, bgr8"),
    (4, 4, '', 12, 48, 'not supported'),
    (4, 4, '16UC1', 8, 32, 'depth image; subscribe to the colour'),
    (4, 4, '32FC1', 16, 64, 'depth image'),
    (0, 0, 'bgr8', 0, 0, '0x0 has no pixels'),
    (4, 0, 'bgr8', 0, 0, '0x4 has no pixels'),
    (4, 4, 'bgr8', 11, 44, 'step 11 is less than a row of 4 bgr8 pixels, 12 bytes'),
    (4, 4, 'bgr8', 0, 48, 'step 0 is less'),
    (4, 4, 'mono16', 4, 16, 'step 4 is less'),
    (4, 4, 'bgr8', 12, 47, 'truncated: 47 bytes, but 4 rows of step 12 are 48'),
    (4, 4, 'bgr8', 12, 0, 'truncated: 0 bytes'),
    (4, 4, 'bgr8', 12, 60, 'too long'),
    (4, 4, 'nv12', 4, 16, 'truncated: 16 bytes, but 6 rows'),
    (4, 5, 'yuv422_yuy2', 10, 40, 'must be even'),
    (5, 4, 'nv21', 4, 28, 'must be even'),
    (1, 20000, 'mono8', 20000, 20000, 'too large'),
    (16384, 16384, 'mono8', 16384, 10, 'too large'),
    (2**31, 2**31, 'bgr8', 2**32, 10, 'too large'),
])
def test_broken_images_are_refused(height: int, width: int, encoding: str, step: int, size: int, match: str) -> None:
    with pytest.raises(ImageError, match=match):
        to_rgb(bytes(size), height, width, encoding, step)


def encoded(rgb: np.ndarray, extension: str, *flags: int) -> bytes:
    ok, data = cv2.imencode(extension, np.ascontiguousarray(rgb[..., ::-1]), flags)
    assert ok
    return bytes(data.tobytes())


def test_png_is_exact(rgb: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_compressed(encoded(rgb, '.png'), 'bgr8; png compressed bgr8'), rgb)


@pytest.mark.parametrize('progressive', [0, 1])
def test_jpeg_is_close_and_rgb(smooth: np.ndarray, progressive: int) -> None:
    data = encoded(smooth, '.jpg', cv2.IMWRITE_JPEG_QUALITY, 98, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    for given in (data, data + bytes(64), np.frombuffer(data, np.uint8), array('B', data)):  # cameras pad with zeros
        out = decode_compressed(given, 'jpeg')
        assert np.abs(out.astype(int) - smooth).mean() < 2 and out.flags.c_contiguous


def test_grey_pictures_become_rgb(smooth: np.ndarray) -> None:
    for extension in ('.png', '.jpg'):
        ok, data = cv2.imencode(extension, smooth[..., 0])
        out = decode_compressed(data.ravel())
        assert ok and out.shape == smooth.shape
        np.testing.assert_array_equal(out[..., 0], out[..., 2])


def with_orientation_tag(jpeg: bytes, orientation: int) -> bytes:
    """Insert an EXIF block that says how the picture is to be turned."""
    entry = bytes([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0])
    exif = b'Exif\0\0MM\0\x2a\0\0\0\x08' + b'\0\x01' + entry + bytes(4)
    return jpeg[:2] + b'\xff\xe1' + (len(exif) + 2).to_bytes(2, 'big') + exif + jpeg[2:]


def test_orientation_tag_is_not_followed(smooth: np.ndarray) -> None:
    turned = with_orientation_tag(encoded(smooth, '.jpg'), 6)
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape[:2] == (64, 48), 'the tag works'
    assert decode_compressed(turned).shape == smooth.shape


def with_preview(jpeg: bytes, preview: bytes) -> bytes:
    """Insert a block that holds a whole small JPEG, as cameras do."""
    return jpeg[:2] + b'\xff\xe1' + (len(preview) + 2).to_bytes(2, 'big') + preview + jpeg[2:]


def test_truncated_pictures_are_refused(rgb: np.ndarray) -> None:
    jpeg = with_preview(encoded(rgb, '.jpg'), encoded(rgb[:8, :8], '.jpg'))
    assert decode_compressed(jpeg).shape == rgb.shape
    for data in (jpeg, encoded(rgb, '.png')):
        for size in (*range(40), len(data) // 4, len(data) // 2, len(data) * 3 // 4, len(data) - 13, len(data) - 2):
            with pytest.raises(ImageError, match='truncated|neither JPEG nor PNG'):
                decode_compressed(data[:size], 'jpeg')


def test_broken_pictures_are_refused_or_decoded_but_never_crash(rgb: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    for data in (encoded(rgb, '.jpg'), encoded(rgb, '.png')):
        for _ in range(200):
            broken = np.frombuffer(data, np.uint8).copy()
            broken[rng.integers(2, len(broken), 4)] = rng.integers(0, 256, 4)
            try:
                out = decode_compressed(broken)
            except ImageError:
                continue
            assert out.ndim == 3 and out.shape[2] == 3


@pytest.mark.parametrize(('data', 'message_format', 'match'), [
    (b'', 'jpeg', 'neither JPEG nor PNG'),
    (bytes(1000), 'jpeg', 'neither JPEG nor PNG'),
    (b'GIF89a' + bytes(100), 'gif', 'neither JPEG nor PNG'),
    (b'\x89PNG\r\n\x1a\n' + bytes(100), '16UC1; compressedDepth png', 'depth image'),
    (b'\x89PNG\r\n\x1a\n' + bytes(100), '16UC1; png compressed', 'depth image'),
    (b'\xff\xd8' + bytes(100), 'jpeg', 'truncated or broken'),
])
def test_what_is_no_picture_is_refused(data: bytes, message_format: str, match: str) -> None:
    with pytest.raises(ImageError, match=match):
        decode_compressed(data, message_format)


def test_bombs_are_refused_before_decoding(rgb: np.ndarray) -> None:
    png = bytearray(encoded(rgb, '.png'))
    png[16:24] = (30000).to_bytes(4, 'big') * 2
    jpeg = bytearray(encoded(rgb, '.jpg'))
    frame = jpeg.index(b'\xff\xc0')
    jpeg[frame + 5:frame + 9] = (60000).to_bytes(2, 'big') * 2
    for data in (png, jpeg):
        with pytest.raises(ImageError, match='too large'):
            decode_compressed(data)
