"""Crops, box numbers and keypoint transforms against the golden arrays and closed forms."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from poco_ros import crops
from poco_ros.camera import assumed_focal_length
from poco_ros.errors import ImageError

OPENCV_4 = cv2.__version__.startswith('4.')


@pytest.fixture(scope='module')
def golden(shared_dir: Path) -> dict[str, np.ndarray]:
    return dict(np.load(shared_dir / 'spec/golden/preproc.npz'))


def assert_crops_equal(ours: np.ndarray, golden: np.ndarray) -> None:
    """Bit for bit with OpenCV 4; with another OpenCV the published limit of 6 grey levels."""
    if OPENCV_4:
        np.testing.assert_array_equal(ours, golden)
    else:
        assert np.abs(ours.astype(float) - golden).max() <= 6


def exact_bilinear(image: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Bilinear sampling with a zero border by its formula, in float64."""
    inverse = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))
    ys, xs = np.mgrid[:crops.CROP_SIZE, :crops.CROP_SIZE]
    x, y, _ = np.einsum('ij,jhw->ihw', inverse, np.stack([xs, ys, np.ones_like(xs)]).astype(float))
    padded = np.pad(image.astype(float), ((1, 1), (1, 1), (0, 0)))
    x, y = np.clip(x + 1, 0, padded.shape[1] - 1), np.clip(y + 1, 0, padded.shape[0] - 1)
    x0, y0 = np.minimum(x.astype(int), padded.shape[1] - 2), np.minimum(y.astype(int), padded.shape[0] - 2)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    top = padded[y0, x0] * (1 - fx) + padded[y0, x0 + 1] * fx
    bottom = padded[y0 + 1, x0] * (1 - fx) + padded[y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + bottom * fy


@pytest.mark.shared
def test_affines_and_crops_are_bit_exact(golden: dict[str, np.ndarray]) -> None:
    boxes = golden['boxes_cxcywh']
    np.testing.assert_array_equal([crops.crop_affine(b) for b in boxes], golden['affine_2x3'])
    assert_crops_equal(crops.crop_people(golden['image_rgb'], boxes), golden['crop_u8'])


@pytest.mark.shared
def test_padded_crop_is_bit_exact(golden: dict[str, np.ndarray]) -> None:
    cx, cy, w, h = golden['boxes_cxcywh'][0]
    xyxy = [[cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]]
    crop = crops.crop_people(golden['image_rgb'], crops.square_boxes(xyxy, padding=1.2))
    assert_crops_equal(crop[0], golden['crop_box0_scale1.2_u8'])


@pytest.mark.shared
def test_crops_of_both_opencv_versions_bracket_the_exact_sampler(
        golden: dict[str, np.ndarray], shared_dir: Path) -> None:
    """OpenCV 5 is the exact formula rounded; OpenCV 4 lies within 6 levels. The installed one must be either."""
    newer = dict(np.load(shared_dir / 'spec/golden/preproc_opencv5.npz'))
    image, boxes = golden['image_rgb'], golden['boxes_cxcywh']
    exact = np.array([exact_bilinear(image, crops.crop_affine(b)) for b in boxes])
    assert np.abs(newer['crop_u8'] - exact).max() <= 0.52
    ours = crops.crop_people(image, boxes)
    assert np.abs(ours.astype(int) - newer['crop_u8']).max() <= (6 if OPENCV_4 else 1)
    cx, cy, w, _ = boxes[0]
    padded = crops.crop_people(image, [[cx, cy, w * 1.2]])[0]
    assert np.abs(padded.astype(int) - newer['crop_box0_scale1.2_u8']).max() <= (6 if OPENCV_4 else 1)
    for (cx, cy, scale, rotation), expected in zip(
            golden['train_cases_cx_cy_scale_rot'], newer['train_crop_f32_stride4'], strict=True):
        crop, _ = crops.training_crop(image, (cx, cy), scale, rotation)
        assert np.abs(crop[::4, ::4] - expected).max() <= (6 if OPENCV_4 else 1e-2)


@pytest.mark.shared
def test_normalise_is_bit_exact(golden: dict[str, np.ndarray]) -> None:
    network_input = crops.normalise(golden['crop_u8'])
    assert network_input.flags.c_contiguous and network_input.dtype == np.float32
    np.testing.assert_array_equal(network_input[:, :, ::32, ::32], golden['norm_sample_stride32'])


@pytest.mark.shared
def test_bbox_info_is_bit_exact(golden: dict[str, np.ndarray]) -> None:
    boxes = np.column_stack([golden['bi_center'], 200 * golden['bi_scale']])
    for box, (height, width), info, focal in zip(
            boxes, golden['bi_orig_shape_hw'], golden['bi_bbox_info'], golden['bi_focal'], strict=True):
        np.testing.assert_array_equal(crops.bbox_info([box], float(width), float(height))[0], info)
        assert assumed_focal_length(float(width), float(height)) == pytest.approx(focal, rel=3e-16)


@pytest.mark.shared
def test_training_crops_are_bit_exact(golden: dict[str, np.ndarray]) -> None:
    for i, (cx, cy, scale, rotation) in enumerate(golden['train_cases_cx_cy_scale_rot']):
        crop, affine = crops.training_crop(golden['image_rgb'], (cx, cy), scale, rotation)
        np.testing.assert_array_equal(affine, golden['train_affine_2x3'][i])
        assert_crops_equal(crop[::4, ::4], golden['train_crop_f32_stride4'][i])


@pytest.mark.shared
def test_training_keypoints(golden: dict[str, np.ndarray]) -> None:
    cases = golden['train_cases_cx_cy_scale_rot']
    for i, (cx, cy, scale, rotation) in enumerate(cases):
        matrix = crops.training_keypoint_matrix((cx, cy), scale, rotation)
        np.testing.assert_allclose(matrix, golden['get_transform_cases'][i], rtol=0, atol=1e-12)
        quantised = crops.training_keypoints(golden['kp_in'], (cx, cy), scale, rotation, quantised=True)
        np.testing.assert_array_equal(quantised, golden['kp_crop_px_int'][i])
        exact = crops.training_keypoints(golden['kp_in'], (cx, cy), scale, rotation)
        assert np.abs(exact - quantised).max() < 2 and not np.array_equal(exact, quantised)
    cx, cy, scale, _ = cases[0]
    unit = golden['kp_crop_px_int'][0].copy()
    unit[:, :2] = crops.to_unit_range(unit[:, :2])
    np.testing.assert_allclose(unit, golden['kp_norm_case0'], rtol=0, atol=1e-15)
    np.testing.assert_array_equal(crops.flip_keypoints(golden['kp_norm_case0']), golden['kp_norm_case0_flipped'])
    full = crops.unit_range_to_image(unit[None, :, :2], [[cx, cy, 200 * scale]])[0]
    np.testing.assert_allclose(full, golden['kp_fullimg_case0'][:, :2], rtol=0, atol=1e-12)


def test_keypoints_land_on_what_the_crop_shows() -> None:
    """A bright dot of the image is found in the rotated training crop where its keypoint is mapped to."""
    image = np.zeros((200, 300, 3), np.float32)
    cv2.circle(image, (170, 90), 2, (255, 255, 255), -1)
    centre, scale, rotation = (160.0, 100.0), 0.6, 33.0
    crop, _ = crops.training_crop(image, centre, scale, rotation)
    weights = crop[..., 0]
    ys, xs = np.mgrid[:crops.CROP_SIZE, :crops.CROP_SIZE]
    seen = np.array([(xs * weights).sum(), (ys * weights).sum()]) / weights.sum()
    mapped = crops.training_keypoints([[170, 90, 1]], centre, scale, rotation)[0, :2]
    np.testing.assert_allclose(mapped, seen, atol=0.1)


@pytest.mark.shared
def test_boxes_from_keypoints(golden: dict[str, np.ndarray]) -> None:
    boxes = np.array([crops.box_from_keypoints(k) for k in golden['kpseq']])
    assert np.isnan(boxes[[2, 3]]).all(), 'frames without visible keypoints have no box'
    filled, start, end = crops.fill_box_gaps(boxes)
    assert (start, end) == tuple(golden['kpseq_range'])
    expected = golden['kpseq_bbox_params']  # the third number is 150 / side
    np.testing.assert_allclose(filled[:, :2], expected[:, :2], rtol=0, atol=1e-12)
    np.testing.assert_allclose(150 / filled[:, 2], expected[:, 2], rtol=1e-13)


def test_box_gaps_at_the_ends_are_cut_off() -> None:
    nan = [np.nan] * 3
    filled, start, end = crops.fill_box_gaps([nan, [0, 0, 10], nan, [2, 4, 10], nan, nan])
    assert (start, end) == (1, 4)
    np.testing.assert_allclose(filled, [[0, 0, 10], [1, 2, 10], [2, 4, 10]])
    filled, start, end = crops.fill_box_gaps([nan, nan])
    assert filled.shape == (0, 3) and (start, end) == (0, 0)


def test_square_boxes_keep_the_centre() -> None:
    np.testing.assert_allclose(crops.square_boxes([[10, 20, 30, 60], [0, 0, 8, 4]], padding=1.5),
                               [[20, 40, 60], [4, 2, 12]])
    assert crops.square_boxes(np.zeros((0, 4))).shape == (0, 3)


def test_nobody_gives_empty_arrays() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    empty = crops.crop_people(image, np.zeros((0, 3)))
    assert empty.shape == (0, 224, 224, 3)
    assert crops.normalise(empty).shape == (0, 3, 224, 224)
    assert crops.bbox_info(np.zeros((0, 3)), 10, 10).shape == (0, 3)


@pytest.mark.parametrize('box', [(5, 5, 0, 10), (5, 5, 10, -1), (np.nan, 5, 10, 10), (5, 5, np.inf, 10)])
def test_unusable_box_is_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(ImageError, match='cannot crop the box'):
        crops.crop_people(np.zeros((10, 10, 3), np.uint8), [box])


@pytest.mark.parametrize(('centre', 'scale'), [((1, 1), np.nan), ((np.nan, 1), 1), ((1, 1), 0.001)])
def test_unusable_training_crop_is_refused(centre: tuple[float, float], scale: float) -> None:
    with pytest.raises(ImageError, match='cannot crop'):
        crops.training_crop(np.zeros((10, 10, 3), np.uint8), centre, scale)
