"""Crops to check and calibrate with: people of a video, or made-up pictures that are the same every time."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from network_files import cached

from poco_ros.engine.base import TensorSpec
from poco_ros.errors import ExportError
from poco_ros.export.pictures import checked_crops, crops_from_video, feeds_for, synthetic_crops
from poco_ros.people.model_files import MODELS

CROPS = TensorSpec('crops', (-1, 224, 224, 3), 'uint8')
BOX = TensorSpec('bbox_info', (-1, 3), 'float32')


@pytest.fixture
def models() -> None:
    for model in MODELS:
        cached(model)


def test_made_up_pictures_are_the_same_every_time_and_all_different() -> None:
    crops = synthetic_crops(6)
    assert (crops.dtype, crops.shape) == (np.uint8, (6, 224, 224, 3))
    np.testing.assert_array_equal(crops[:4], synthetic_crops(4))
    assert len({zlib.crc32(crop.tobytes()) for crop in crops}) == 6
    assert (crops.reshape(6, -1).std(1) > 30).all()


def test_feeds_are_what_the_graph_takes() -> None:
    crops = synthetic_crops(3)
    assert list(feeds_for((CROPS,), crops)) == ['crops']
    info = feeds_for((CROPS, BOX), crops)['bbox_info']
    assert (info.dtype, info.shape) == (np.float32, (3, 3))
    assert len(np.unique(info)) == 9


@pytest.mark.parametrize('crops', [
    np.zeros((0, 224, 224, 3), np.uint8), np.zeros((2, 224, 224, 3), np.float32), np.zeros((224, 224, 3), np.uint8),
    np.zeros((1, 3, 224, 224), np.uint8),
])
def test_what_is_no_crop_is_refused(crops: np.ndarray) -> None:
    with pytest.raises(ExportError, match=r'must be uint8 crops \(M, 224, 224, 3\) in RGB'):
        checked_crops(crops)


@pytest.mark.shared
def test_people_are_cut_out_of_a_video(shared_dir: Path, models: None) -> None:
    crops = crops_from_video(str(shared_dir / 'data' / 'video' / 'store-aisle.gif'), count=6)
    assert crops.shape[1:] == (224, 224, 3)
    assert 2 <= len(crops) <= 6
    assert (crops.reshape(len(crops), -1).std(1) > 20).all()
    # Crops are about the persons: the middle column of the woman in teal is not the shelf's grey.
    saturation = [cv2.cvtColor(crop, cv2.COLOR_RGB2HSV)[60:120, 90:134, 1].mean() for crop in crops]
    assert max(saturation) > 60


def test_a_video_that_shows_nobody_is_refused(tmp_path: Path, models: None) -> None:
    cv2.imwrite(str(tmp_path / 'grey.png'), np.full((240, 320, 3), 128, np.uint8))
    with pytest.raises(ExportError, match='nobody is found in .*; give a video that shows people'):
        crops_from_video(str(tmp_path))
    with pytest.raises(ExportError, match=r'grey\.png is a webcam or a single picture; give a video'):
        crops_from_video(str(tmp_path / 'grey.png'))
