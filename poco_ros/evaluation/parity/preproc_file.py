"""``preproc.npz`` and ``preproc_opencv5.npz``: crops, keypoints and boxes, cameras and projections."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from poco_ros import crops, weak_perspective
from poco_ros.camera import Camera, assumed_focal_length
from poco_ros.evaluation.parity.comparison import EXACT, GENERAL, GREY_LEVELS, ONE_LEVEL, Array
from poco_ros.evaluation.parity.golden import Arrays, Context, GoldenFile, Input, Output, load_arrays
from poco_ros.evaluation.parity.rules import begins

_OPENCV_4 = cv2.__version__.startswith('4.')
_NORM_STRIDE, _TRAINING_STRIDE = 32, 4
_PADDING = 1.2
_BOX_SIDE_PX = 150
"""The third number of ``kpseq_bbox_params`` is this, divided by the side."""


def _crops(golden: Arrays) -> Arrays:
    """The crops, by the installed OpenCV."""
    image, cases = golden['image_rgb'], golden['train_cases_cx_cy_scale_rot']
    training = [crops.training_crop(image, (cx, cy), scale, rotation)[0] for cx, cy, scale, rotation in cases]
    return {
        'crop_u8': crops.crop_people(image, golden['boxes_cxcywh']),
        'crop_box0_scale1.2_u8': crops.crop_people(image, _padded_box(golden))[0],
        'train_crop_f32_stride4': np.array(training)[:, ::_TRAINING_STRIDE, ::_TRAINING_STRIDE],
    }


def _exact_crops(golden: Arrays) -> Arrays:
    """The crops, by the formula of bilinear sampling at the same affines, not rounded to whole grey levels."""
    image, boxes, cases = golden['image_rgb'], golden['boxes_cxcywh'], golden['train_cases_cx_cy_scale_rot']
    cx, cy, side = _padded_box(golden)[0]
    training = [crops.training_crop(image, (cx, cy), scale, rotation)[1] for cx, cy, scale, rotation in cases]
    return {
        'crop_u8': np.array([_bilinear(image, crops.crop_affine(box)) for box in boxes]),
        'crop_box0_scale1.2_u8': _bilinear(image, crops.crop_affine((cx, cy, side, side))),
        'train_crop_f32_stride4': np.array([_bilinear(image, affine) for affine in training])[
            :, ::_TRAINING_STRIDE, ::_TRAINING_STRIDE],
    }


def _padded_box(golden: Arrays) -> Array:
    centre, size = golden['boxes_cxcywh'][:1, :2], golden['boxes_cxcywh'][:1, 2:]
    return crops.square_boxes(np.hstack([centre - size / 2, centre + size / 2]), _PADDING)


def _bilinear(image: Array, affine: Array) -> Array:
    """(224, 224, 3) float64; black outside the image."""
    back = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))[:2]
    rows, columns = np.indices((crops.CROP_SIZE, crops.CROP_SIZE))
    x, y = np.tensordot(back, np.stack([columns, rows, np.ones_like(rows)]), 1)
    channels = np.moveaxis(image.astype(np.float64), -1, 0)
    return np.stack([ndimage.map_coordinates(c, [y, x], order=1, mode='grid-constant') for c in channels], -1)


def _keypoints(golden: Arrays) -> Arrays:
    image, keypoints, cases = golden['image_rgb'], golden['kp_in'], golden['train_cases_cx_cy_scale_rot']
    quantised = np.array([
        crops.training_keypoints(keypoints, (cx, cy), scale, rotation, quantised=True)
        for cx, cy, scale, rotation in cases])
    cx, cy, scale, _ = cases[0]
    unit, full = quantised[0].copy(), quantised[0].copy()
    unit[:, :2] = crops.to_unit_range(unit[:, :2])
    box = [[cx, cy, scale * crops.SCALE_UNIT_PX]]
    full[:, :2] = crops.unit_range_to_image(unit[None, :, :2], box)[0]
    return {
        'train_affine_2x3': np.array([
            crops.training_crop(image, (cx, cy), scale, rotation)[1] for cx, cy, scale, rotation in cases]),
        'get_transform_cases': np.array([
            crops.training_keypoint_matrix((cx, cy), scale, rotation) for cx, cy, scale, rotation in cases]),
        'kp_crop_px_int': quantised, 'kp_norm_case0': unit, 'kp_norm_case0_flipped': crops.flip_keypoints(unit),
        'kp_fullimg_case0': full,
    }


def _box_track(golden: Arrays) -> Arrays:
    boxes, start, end = crops.fill_box_gaps(np.array([crops.box_from_keypoints(k) for k in golden['kpseq']]))
    return {
        'kpseq_bbox_params': np.hstack([boxes[:, :2], _BOX_SIDE_PX / boxes[:, 2:]]),
        'kpseq_range': np.array([start, end]),
    }


def _cameras(golden: Arrays) -> Arrays:
    boxes = np.column_stack([golden['bi_center'], golden['bi_scale'] * crops.SCALE_UNIT_PX])
    sizes = [(int(width), int(height)) for height, width in golden['bi_orig_shape_hw']]
    cams, points = golden['cam_crop'], golden['points3d']
    crop_t = weak_perspective.crop_translation(cams)
    cameras = [Camera.assumed(*size) for size in sizes]
    image_t = _each(weak_perspective.image_translation, cams, boxes, zip(cameras))
    unit = weak_perspective.project_to_crop(points, crop_t)
    return {
        'bi_bbox_info': np.vstack([crops.bbox_info([box], *size) for box, size in zip(boxes, sizes, strict=True)]),
        'bi_focal': np.array([assumed_focal_length(*size) for size in sizes]),
        'cam_crop_t': crop_t,
        'cam_fullimg_t': image_t,
        'cam_orig_img': _each(weak_perspective.image_weak_camera, cams, boxes, sizes),
        'points2d_fullimg_px': np.array([
            camera.project(xyz + t) for camera, xyz, t in zip(cameras, points, image_t, strict=True)]),
        'points2d_crop_norm': unit,
        'points2d_crop_to_orig_px': crops.unit_range_to_image(unit, boxes),
    }


def _each(function, cams: Array, boxes: Array, further) -> Array:  # type: ignore[no-untyped-def]
    return np.vstack([
        function(cam[None], box[None], *arguments)
        for cam, box, arguments in zip(cams, boxes, further, strict=True)])


def _compute(golden: Arrays, context: Context) -> Arrays:
    cropped = _crops(golden)
    # Of the golden crops where there are some: the installed OpenCV may make slightly others.
    network_input = crops.normalise(golden.get('crop_u8', cropped['crop_u8']))
    return {
        **cropped, **_keypoints(golden), **_box_track(golden), **_cameras(golden),
        'affine_2x3': np.array([crops.crop_affine(box) for box in golden['boxes_cxcywh']]),
        'norm_sample_stride32': network_input[:, :, ::_NORM_STRIDE, ::_NORM_STRIDE],
    }


def _compute_opencv5(golden: Arrays, context: Context) -> Arrays:
    return _exact_crops(load_arrays(context.folder / FILE.name))


_CROP_LIMIT = EXACT if _OPENCV_4 else GREY_LEVELS

FILE = GoldenFile(
    'preproc.npz',
    inputs={
        'image_rgb': Input('uint8', ('H', 'W', 3)), 'boxes_cxcywh': Input('float64', ('B', 4)),
        'train_cases_cx_cy_scale_rot': Input('float64', ('C', 4)), 'kp_in': Input('float64', (49, 3)),
        'bi_orig_shape_hw': Input('int64', ('N', 2)), 'bi_center': Input('float64', ('N', 2)),
        'bi_scale': Input('float64', ('N',)), 'cam_crop': Input('float32', ('N', 3)),
        'points3d': Input('float32', ('N', 49, 3)), 'kpseq': Input('float64', ('T', 25, 3)),
        'opencv_version': Input('str', (), begins('4.')),
    },
    outputs={
        'crop_u8': Output(_CROP_LIMIT, 'uint8'), 'crop_box0_scale1.2_u8': Output(_CROP_LIMIT, 'uint8'),
        'train_crop_f32_stride4': Output(_CROP_LIMIT),
        **{name: Output(GENERAL, 'float64') for name in (
            'affine_2x3', 'train_affine_2x3', 'get_transform_cases', 'kp_crop_px_int', 'kp_norm_case0',
            'kp_norm_case0_flipped', 'kp_fullimg_case0', 'bi_focal', 'cam_orig_img', 'kpseq_bbox_params')},
        **{name: Output(GENERAL) for name in (
            'norm_sample_stride32', 'bi_bbox_info', 'cam_crop_t', 'cam_fullimg_t', 'points2d_fullimg_px',
            'points2d_crop_norm', 'points2d_crop_to_orig_px')},
        'kpseq_range': Output(EXACT, 'int64'),
    },
    compute=_compute,
    note=f'crops made with OpenCV 4.5, here with {cv2.__version__}' + (
        ': bit for bit' if _OPENCV_4 else ', which samples between the 1/32 pixels of OpenCV 4'),
)

FILE_OPENCV5 = GoldenFile(
    'preproc_opencv5.npz',
    inputs={'opencv_version': Input('str', (), begins('5.'))},
    outputs={
        'crop_u8': Output(ONE_LEVEL, 'uint8'), 'crop_box0_scale1.2_u8': Output(ONE_LEVEL, 'uint8'),
        'train_crop_f32_stride4': Output(ONE_LEVEL),
    },
    compute=_compute_opencv5,
    note=f'compared with the exact bilinear formula at the affines of this package, as OpenCV {cv2.__version__} is '
    'installed: crops of OpenCV 4 and 5 are 5 to 7 grey levels apart, whatever made them',
)
