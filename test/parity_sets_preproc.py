"""Golden-like ``preproc`` arrays of other seeds and sizes, by OpenCV, scikit-image and closed forms."""

from __future__ import annotations

import cv2
import numpy as np
from parity_sets import MIRROR_24, Arrays, f32
from skimage.transform import warp

MIRROR_49 = [0, 1, 5, 6, 7, 2, 3, 4, 8, 12, 13, 14, 9, 10, 11, 16, 15, 18, 17, 22, 23, 24, 19, 20, 21,
             *(25 + i for i in MIRROR_24)]  # fmt: skip


def preproc(seed: int) -> tuple[Arrays, Arrays]:
    """``preproc`` and ``preproc_opencv5``.

    Boxes and rotations are such that float32 holds the corners: then the affines are known to the last bit, and no
    sample position lies on the edge between two of OpenCV 4's 1/32 pixels.
    """
    rng = np.random.default_rng(seed)
    height, width = 97, 131
    image = cv2.resize(rng.integers(0, 256, (9, 11, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    boxes = np.array([[40.25, 50.5, 61.5, 61.5], [-10.75, 90, 90.5, 90.5], [65, 40, 300.5, 200.5]])
    cases = np.array([[50.3, 40.8, 0.4975, 0], [20.7, 80.2, 0.303, 90], [70.1, 60.9, 0.555, 180], [3.2, 7, 0.25, 0]])
    affines = np.array([_affine(*box, 0) for box in boxes])
    whole = [(round(cx), round(cy), round(200 * scale), rotation) for cx, cy, scale, rotation in cases]
    training = np.array([_affine(cx, cy, side, side, rotation) for cx, cy, side, rotation in whole])
    padded = _affine(*boxes[0, :2], *(1.2 * boxes[0, 2:]), 0)
    crops = np.array([_warped(image, affine) for affine in affines])
    arrays = {
        'image_rgb': image, 'boxes_cxcywh': boxes, 'crop_u8': crops, 'affine_2x3': affines,
        'norm_sample_stride32': _normalised(crops)[:, :, ::32, ::32], 'crop_box0_scale1.2_u8': _warped(image, padded),
        'train_cases_cx_cy_scale_rot': cases, 'train_affine_2x3': training,
        'train_crop_f32_stride4': np.array([_warped(image.astype(f32), affine)[::4, ::4] for affine in training]),
        'opencv_version': np.array('4.9.0'), **_keypoints(rng, cases), **_track(rng), **_cameras(rng),
    }  # fmt: skip
    newer = {
        'crop_u8': np.array([np.rint(_exact(image, affine)).astype(np.uint8) for affine in affines]),
        'crop_box0_scale1.2_u8': np.rint(_exact(image, padded)).astype(np.uint8),
        'train_crop_f32_stride4': np.array([_exact(image, affine)[::4, ::4] for affine in training]).astype(f32),
        'opencv_version': np.array('5.12.1'),
    }
    return arrays, newer


def _affine(cx: float, cy: float, w: float, h: float, degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    linear = np.array([[224 / w * cos, 224 / w * sin], [-224 / h * sin, 224 / h * cos]])
    return np.hstack([linear, 112 - linear @ [[cx], [cy]]])


def _warped(image: np.ndarray, affine: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(image, affine, (224, 224), flags=cv2.INTER_LINEAR)


def _exact(image: np.ndarray, affine: np.ndarray) -> np.ndarray:
    back = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))
    return warp(image.astype(float), back, output_shape=(224, 224), order=1, mode='constant', cval=0)


def _normalised(crops: np.ndarray) -> np.ndarray:
    scaled = (crops / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return np.moveaxis(scaled, -1, 1).astype(f32)


def _keypoints(rng: np.random.Generator, cases: np.ndarray) -> Arrays:
    points = np.hstack([rng.uniform(0, 130, (49, 2)), rng.uniform(0, 1, (49, 1))])
    matrices = np.array([
        np.vstack([_affine(cx, cy, 200 * scale, 200 * scale, degrees), [0, 0, 1]]) for cx, cy, scale, degrees in cases])
    quantised = np.array([points] * len(cases))
    for crop, matrix in zip(quantised, matrices, strict=True):
        crop[:, :2] = np.fix(points[:, :2] @ matrix[:2, :2].T + matrix[:2, 2]) + 1
    unit, full = quantised[0].copy(), quantised[0].copy()
    unit[:, :2] = quantised[0, :, :2] / 112 - 1
    side = 200 * cases[0, 2]
    full[:, :2] = cases[0, :2] + (quantised[0, :, :2] - 112) * side / 224
    return {
        'kp_in': points, 'get_transform_cases': matrices, 'kp_crop_px_int': quantised, 'kp_norm_case0': unit,
        'kp_norm_case0_flipped': unit[MIRROR_49] * [-1, 1, 1], 'kp_fullimg_case0': full,
    }


def _track(rng: np.random.Generator) -> Arrays:
    sequence = rng.uniform(0, 200, (7, 25, 3))
    sequence[..., 2] = rng.uniform(0, 1, (7, 25))
    sequence[[0, 3, 4, 6], :, 2] = 0.2
    known, wanted = np.array([1, 2, 5]), np.arange(1, 6)
    params = []
    for frame in known:
        seen = sequence[frame, sequence[frame, :, 2] > 0.3, :2]
        low, high = seen.min(0), seen.max(0)
        params.append([*(low + high) / 2, 150 / np.hypot(*(high - low))])
    filled = np.stack([np.interp(wanted, known, column) for column in np.transpose(params)], 1)
    return {'kpseq': sequence, 'kpseq_bbox_params': filled, 'kpseq_range': np.array([1, 6])}


def _cameras(rng: np.random.Generator) -> Arrays:
    n = 9
    size = rng.integers(200, 3000, (n, 2))
    h, w = size.T
    cx, cy, b = rng.uniform(-100, 3000, n), rng.uniform(-100, 3000, n), rng.uniform(50, 900, n)
    f = np.hypot(w, h)
    cam = np.stack([rng.uniform(0.5, 1.2, n), *rng.uniform(-0.3, 0.3, (2, n))], 1).astype(f32)
    s, tx, ty = cam.astype(float).T
    points = rng.uniform(-0.7, 0.7, (n, 49, 3)).astype(f32)
    crop_t = np.stack([tx, ty, 10000 / (224 * s)], 1)
    full_t = np.stack([tx + 2 * (cx - w / 2) / (s * b), ty + 2 * (cy - h / 2) / (s * b), 2 * f / (s * b)], 1)
    in_crop, in_image = points + crop_t[:, None], points + full_t[:, None]
    unit = 5000 / 112 * in_crop[..., :2] / in_crop[..., 2:]
    centre, middle, side = np.stack([cx, cy], 1)[:, None], np.stack([w, h], 1)[:, None] / 2, b[:, None, None]
    pixels = f[:, None, None] * in_image[..., :2] / in_image[..., 2:] + middle
    info = np.stack([2.8 * (cx - w / 2) / f, 2.8 * (cy - h / 2) / f, (b - 0.24 * f) / (0.06 * f)], 1)
    weak = np.stack([s * b / w, s * b / h, (2 * cx - w) / (s * b) + tx, (2 * cy - h) / (s * b) + ty], 1)
    return {
        'bi_orig_shape_hw': size, 'bi_center': np.stack([cx, cy], 1), 'bi_scale': b / 200, 'bi_focal': f,
        'bi_bbox_info': info.astype(f32), 'cam_crop': cam, 'cam_crop_t': crop_t.astype(f32),
        'cam_fullimg_t': full_t.astype(f32), 'cam_orig_img': weak, 'points3d': points,
        'points2d_fullimg_px': pixels.astype(f32), 'points2d_crop_norm': unit.astype(f32),
        'points2d_crop_to_orig_px': (centre + unit * side / 2).astype(f32),
    }  # fmt: skip
