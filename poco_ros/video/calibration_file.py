"""The calibration file of a camera, as ROS's ``camera_calibration`` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from poco_ros.camera import Camera
from poco_ros.errors import CameraError


@dataclass(frozen=True)
class Calibration:
    """The values of a ``sensor_msgs/CameraInfo``.

    :param width: image width in pixels.
    :param height: image height in pixels.
    :param distortion_model: as in the message.
    :param d: distortion coefficients.
    :param k: (9,) camera matrix, row-major.
    :param r: (9,) rectification matrix, row-major.
    :param p: (12,) projection matrix, row-major.
    """

    width: int
    height: int
    distortion_model: str = ''
    d: tuple[float, ...] = ()
    k: tuple[float, ...] = (0.0,) * 9
    r: tuple[float, ...] = (0.0,) * 9
    p: tuple[float, ...] = (0.0,) * 12

    @property
    def camera(self) -> Camera:
        """The camera of these values.

        :raises CameraError: when they are unusable.
        """
        return Camera.from_info(self.width, self.height, self.k, self.d, self.distortion_model)


def read_calibration(path: Path) -> Calibration:
    """Read a calibration file.

    :param path: YAML with ``image_width``, ``image_height``, ``camera_matrix``, ``distortion_model``,
        ``distortion_coefficients``, and optionally ``rectification_matrix`` and ``projection_matrix``.
    :returns: its values; a missing rectification is the identity, a missing projection is the camera matrix.
    :raises CameraError: when the file is missing, is no such YAML, or its values are unusable; names the file.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CameraError(f'calibration file {path} cannot be read: {error}') from error
    if not isinstance(document, dict):
        raise CameraError(f'calibration file {path} is not the YAML that camera_calibration writes')
    try:
        k = _numbers(document, 'camera_matrix', 9)
        r = _numbers(document, 'rectification_matrix', 9, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
        p = _numbers(document, 'projection_matrix', 12, (*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0))
        calibration = Calibration(
            int(document['image_width']), int(document['image_height']), str(document.get('distortion_model', '')),
            _numbers(document, 'distortion_coefficients', None, ()), k, r, p)
        if calibration.camera.focal_length_assumed:
            raise CameraError('camera_matrix is all zeros; leave the file out for an uncalibrated camera')
    except KeyError as error:
        raise CameraError(f'calibration file {path} lacks {error}; write it with camera_calibration') from error
    except (TypeError, ValueError, CameraError) as error:
        raise CameraError(f'calibration file {path}: {error}') from error
    return calibration


def _numbers(document: dict[str, Any], name: str, count: int | None,
             missing: tuple[float, ...] | None = None) -> tuple[float, ...]:
    """Return the ``data`` of a matrix in the document."""
    if name not in document and missing is not None:
        return missing
    matrix = document[name]
    data = matrix.get('data') if isinstance(matrix, dict) else None
    if not isinstance(data, list) or (count is not None and len(data) != count):
        raise CameraError(f'{name} needs a list "data"' + (f' of {count} numbers' if count is not None else ''))
    return tuple(float(v) for v in data)
