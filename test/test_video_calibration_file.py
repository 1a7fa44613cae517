"""Calibration files as camera_calibration writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from poco_ros.camera import Camera
from poco_ros.errors import CameraError
from poco_ros.video.calibration_file import read_calibration

FILE = """\
image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [602.1, 0, 317.4, 0, 603.9, 241.8, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.28, 0.09, 0.001, -0.0007, 0.0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [590.5, 0, 316.1, 0, 0, 598.2, 242.2, 0, 0, 0, 1, 0]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / 'camera.yaml'
    path.write_text(text)
    return path


def without(*keys: str) -> str:
    """The file without some of its top-level entries."""
    lines, keep = [], True
    for line in FILE.splitlines():
        if not line.startswith(' '):
            keep = line.split(':')[0] not in keys
        if keep:
            lines.append(line)
    return '\n'.join(lines)


def test_values(tmp_path: Path) -> None:
    calibration = read_calibration(write(tmp_path, FILE))
    assert (calibration.width, calibration.height, calibration.distortion_model) == (640, 480, 'plumb_bob')
    assert calibration.k == (602.1, 0, 317.4, 0, 603.9, 241.8, 0, 0, 1)
    assert calibration.d == (-0.28, 0.09, 0.001, -0.0007, 0.0)
    assert calibration.p[:4] == (590.5, 0, 316.1, 0)
    camera = calibration.camera
    assert isinstance(camera, Camera) and camera.fy == 603.9 and camera.distortion is not None
    assert not camera.focal_length_assumed


def test_optional_entries(tmp_path: Path) -> None:
    calibration = read_calibration(write(tmp_path, without(
        'rectification_matrix', 'projection_matrix', 'distortion_model', 'distortion_coefficients')))
    assert calibration.r == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert calibration.p == (602.1, 0, 317.4, 0, 0, 603.9, 241.8, 0, 0, 0, 1, 0)
    assert calibration.d == () and calibration.camera.distortion is None


@pytest.mark.parametrize(('text', 'match'), [
    (without('camera_matrix'), "lacks 'camera_matrix'"),
    (without('image_width'), "lacks 'image_width'"),
    (FILE.replace('602.1', '.nan'), 'NaN or infinity'),
    (FILE.replace('602.1, 0', '0, 0').replace('317.4, 0, 603.9, 241.8, 0, 0, 1', '0, 0, 0, 0, 0, 0, 0'), 'all zeros'),
    (FILE.replace('602.1', '-602.1'), 'must be positive'),
    (FILE.replace('602.1', 'abc'), 'could not convert'),
    (FILE.replace(', 0, 0, 1]\ndistortion', ']\ndistortion'), 'camera_matrix needs a list "data" of 9'),
    (FILE.replace('plumb_bob', 'mirror'), "'mirror' is not supported"),
    (FILE.replace('image_width: 640', 'image_width: 0'), 'not positive|set them to the image size'),
    ('- a\n- list\n', 'is not the YAML'),
    ('{', 'cannot be read'),
    ('', 'is not the YAML'),
])
def test_unusable_files_are_refused_by_name(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(CameraError, match=match) as caught:
        read_calibration(write(tmp_path, text))
    assert 'camera.yaml' in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r'nowhere\.yaml cannot be read'):
        read_calibration(tmp_path / 'nowhere.yaml')
