"""Between the records of :mod:`poco_ros.types` and ROS messages; the only module that knows both.

The fields of :class:`~poco_ros.types.Bodies` have the names, units and order of ``SmplBody``, so bodies go over field
by field: arrays are handed to the message as rows of the record, without a copy, and unknown stays NaN.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from poco_ros.body.model import BodyModel
from poco_ros.body.smpl import JOINT_NAMES, MIRROR, PARENTS
from poco_ros.calibration.calibrator import Calibrator
from poco_ros.camera import Camera
from poco_ros.images import decode_compressed, to_rgb
from poco_ros.msg import BodyConfidence, BodyConfidenceArray, BodyModelInfo, SmplBody, SmplBodyArray
from poco_ros.regressors.base import RegressorInfo
from poco_ros.types import Bodies, Boxes

_NS = 1_000_000_000
_EMPTY = Bodies.unknown(0)
_FIELDS = tuple(field.name for field in dataclasses.fields(Bodies))
#: Fields of a body that are arrays on the wire, with the shape of one row in the record.
_ARRAYS = {name: getattr(_EMPTY, name).shape[1:] for name in _FIELDS if getattr(_EMPTY, name).ndim > 1}
_SCALARS = tuple(name for name in _FIELDS if name not in _ARRAYS)
_DTYPES = {name: getattr(_EMPTY, name).dtype for name in _FIELDS}
#: Fields that the light confidence message shares with the body.
_CONFIDENCE_SCALARS = ('track_id', 'confidence', 'uncertainty', 'body_error_mm', 'body_radius_mm', 'in_domain', 'state')


@dataclass(frozen=True)
class ArrayContext:
    """What a ``SmplBodyArray`` says about its bodies as a whole.

    :param camera: that the bodies were placed with.
    :param stamp_ns: capture time of the image.
    :param frame_id: of the image.
    :param epoch: uint32, differs after every start.
    :param model_id: as in the model-info message.
    :param skipped_frames: images passed over since the previous message.
    :param publish_delay_s: from capture to publishing; NaN where the clocks do not compare.
    :param declared_lag_frames: by how many frames the stream is late by design.
    :param calibration_id: empty: uncalibrated.
    :param coverage: (0, 1) of the radii; NaN uncalibrated.
    :param confidence_bound_mm: in the definition of ``confidence``; NaN uncalibrated.
    """

    camera: Camera
    stamp_ns: int
    frame_id: str
    epoch: int
    model_id: str
    skipped_frames: int = 0
    publish_delay_s: float = math.nan
    declared_lag_frames: int = 0
    calibration_id: str = ''
    coverage: float = math.nan
    confidence_bound_mm: float = math.nan

    def calibrated(self, calibrator: Calibrator | None) -> ArrayContext:
        """Return the context of bodies that a calibration has filled; None: of uncalibrated ones."""
        return dataclasses.replace(self, **_calibration(calibrator))


def stamp_to_ns(stamp: Time) -> int:
    """Return a ``builtin_interfaces/Time`` in nanoseconds."""
    return int(stamp.sec) * _NS + int(stamp.nanosec)


def stamp_from_ns(stamp_ns: int) -> Time:
    """Return nanoseconds as a ``builtin_interfaces/Time``."""
    seconds, nanoseconds = divmod(int(stamp_ns), _NS)
    return Time(sec=seconds, nanosec=nanoseconds)


def bodies_to_message(bodies: Bodies, context: ArrayContext) -> SmplBodyArray:
    """Return everybody in one image as a message.

    :param bodies: N bodies; N may be 0.
    :param context: of the array.
    """
    n, camera = len(bodies), context.camera
    columns: dict[str, Any] = {name: getattr(bodies, name).tolist() for name in _SCALARS}
    for name in _ARRAYS:
        columns[name] = np.ascontiguousarray(getattr(bodies, name), _DTYPES[name]).reshape(n, -1) if n else ()
    return SmplBodyArray(
        header=_header(context.stamp_ns, context.frame_id), epoch=context.epoch,
        declared_lag_frames=context.declared_lag_frames, publish_delay=float(context.publish_delay_s),
        skipped_frames=context.skipped_frames, image_width=camera.width, image_height=camera.height,
        intrinsics=np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32),
        focal_length_assumed=camera.focal_length_assumed, model_id=context.model_id,
        calibration_id=context.calibration_id, coverage=float(context.coverage),
        confidence_bound_mm=float(context.confidence_bound_mm),
        bodies=[SmplBody(**{name: column[i] for name, column in columns.items()}) for i in range(n)],
    )


def bodies_from_message(message: SmplBodyArray) -> Bodies:
    """Return the bodies of a message as a record; the inverse of :func:`bodies_to_message`."""
    n = len(message.bodies)
    columns = {
        name: np.array([getattr(body, name) for body in message.bodies], _DTYPES[name]).reshape((n, *_ARRAYS[name]))
        if name in _ARRAYS else np.array([getattr(body, name) for body in message.bodies], _DTYPES[name])
        for name in _FIELDS
    }
    return Bodies(**columns)


def context_from_message(message: SmplBodyArray) -> ArrayContext:
    """Return what a message says about its bodies as a whole; the inverse of :func:`bodies_to_message`.

    :raises CameraError: when the camera in it is unusable.
    """
    fx, fy, cx, cy = (float(value) for value in message.intrinsics)
    camera = Camera(message.image_width, message.image_height, fx, fy, cx, cy,
                    focal_length_assumed=message.focal_length_assumed)
    return ArrayContext(
        camera, stamp_to_ns(message.header.stamp), message.header.frame_id, message.epoch, message.model_id,
        skipped_frames=message.skipped_frames, publish_delay_s=message.publish_delay,
        declared_lag_frames=message.declared_lag_frames, calibration_id=message.calibration_id,
        coverage=message.coverage, confidence_bound_mm=message.confidence_bound_mm)


def confidence_to_message(bodies: Bodies, context: ArrayContext) -> BodyConfidenceArray:
    """Return the light companion of :func:`bodies_to_message`: same stamp, same order."""
    columns: dict[str, Any] = {name: getattr(bodies, name).tolist() for name in _CONFIDENCE_SCALARS}
    columns['joint_uncertainty'] = np.ascontiguousarray(bodies.joint_uncertainty, np.float32)
    columns['age'] = bodies.joint_age.max(axis=1).tolist() if len(bodies) else ()
    return BodyConfidenceArray(
        header=_header(context.stamp_ns, context.frame_id), epoch=context.epoch,
        calibration_id=context.calibration_id, coverage=float(context.coverage),
        confidence_bound_mm=float(context.confidence_bound_mm),
        bodies=[BodyConfidence(**{k: column[i] for k, column in columns.items()}) for i in range(len(bodies))],
    )


def model_id(info: RegressorInfo, body: BodyModel) -> str:
    """Return a short id of regressor, weights, engine and body model together, as ``blazepose_lift-1f2e3d4c5b6a``."""
    parts = [*dataclasses.astuple(info), body.name, body.sha256]
    return f'{info.model}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:12]}'


def model_info_to_message(
    info: RegressorInfo, body: BodyModel, stamp_ns: int, calibrator: Calibrator | None = None,
) -> BodyModelInfo:
    """Return what runs and what its numbers mean.

    :param info: provenance of the regressor.
    :param body: the body model in use.
    :param stamp_ns: time of the activation.
    :param calibrator: in use; None: uncalibrated.
    """
    return BodyModelInfo(
        header=_header(stamp_ns, ''), joint_names=list(JOINT_NAMES), parents=PARENTS.tolist(), mirror=MIRROR.tolist(),
        model_id=model_id(info, body), **dataclasses.asdict(info), body_model=body.name, body_model_hash=body.sha256,
        num_vertices=body.num_vertices, rest_joints=body.rest_joints()[0].reshape(-1), **_calibration(calibrator),
        calibration_status='uncalibrated' if calibrator is None else calibrator.calibration.status,
        calibration_sequences=0 if calibrator is None else calibrator.calibration.data.num_radius_sequences,
    )


def _calibration(calibrator: Calibrator | None) -> dict[str, Any]:
    """Return what the array message and the model-info message say alike of a calibration."""
    if calibrator is None:
        return {'calibration_id': '', 'coverage': math.nan, 'confidence_bound_mm': math.nan}
    calibration = calibrator.calibration
    return {'calibration_id': calibration.calibration_id, 'coverage': calibrator.coverage,
            'confidence_bound_mm': calibration.confidence_bound_mm}


def boxes_from_person_boxes(message: Any) -> Boxes:
    """Return the persons of a ``PersonBoxArray``. Boxes that are not finite or have no area are left out."""
    xyxy = np.array([box.box_px for box in message.boxes], np.float32).reshape(-1, 4)
    score = np.array([box.score for box in message.boxes], np.float32)
    track_id = np.array([box.track_id if box.track_id >= 1 else -1 for box in message.boxes], np.int32)
    return _usable(Boxes(xyxy, score, track_id))


def boxes_from_detections(message: Any, person_class: str = '') -> Boxes:
    """Return the persons of a ``vision_msgs/Detection2DArray``, of any of its versions.

    A turned box becomes the upright box around it. Boxes that are not finite or have no area are left out.

    :param message: read by its attributes, so that ``vision_msgs`` need not be installed.
    :param person_class: ``class_id`` that means a person; '' takes every detection.
    """
    xyxy, scores, ids = [], [], []
    for detection in message.detections:
        best = _best_hypothesis(detection, person_class)
        if best is None:
            continue
        xyxy.append(_upright_box(detection.bbox))
        scores.append(best)
        name = str(getattr(detection, 'id', ''))
        ids.append(int(name) if name.isdecimal() and 1 <= int(name) < 2 ** 31 else -1)
    return _usable(Boxes(np.array(xyxy, np.float32).reshape(-1, 4), np.array(scores, np.float32),
                         np.array(ids, np.int32)))


def camera_from_message(message: Any, image_size: tuple[int, int], *, rectified: bool = False) -> Camera:
    """Return the camera that a ``sensor_msgs/CameraInfo`` describes.

    :param image_size: width and height of the images it is for.
    :param rectified: the images are rectified: take the matrix of ``p`` and no distortion.
    :raises CameraError: the message is unusable, or for images of another size.
    """
    roi = message.roi
    k = np.asarray(message.p, np.float64).reshape(3, 4)[:, :3] if rectified else message.k
    return Camera.from_info(
        message.width, message.height, k, () if rectified else message.d, message.distortion_model,
        binning=(message.binning_x, message.binning_y), roi=(roi.x_offset, roi.y_offset, roi.width, roi.height),
        image_size=image_size)


def rgb_from_image(message: Any) -> npt.NDArray[np.uint8]:
    """Return the picture in a ``sensor_msgs/Image`` message or a
    :class:`~poco_ros.raw_image.RawImage`.

    :returns: (H, W, 3) uint8 RGB.
    :raises ImageError: encoding, size, step and data do not fit together.
    """
    return to_rgb(message.data, message.height, message.width, message.encoding, message.step,
                  bool(message.is_bigendian))


def rgb_from_compressed(message: Any) -> npt.NDArray[np.uint8]:
    """Return the picture in a ``sensor_msgs/CompressedImage``.

    :returns: (H, W, 3) uint8 RGB.
    :raises ImageError: it is neither JPEG nor PNG, or broken.
    """
    return decode_compressed(message.data, message.format)


def _header(stamp_ns: int, frame_id: str) -> Header:
    return Header(stamp=stamp_from_ns(stamp_ns), frame_id=frame_id)


def _usable(boxes: Boxes) -> Boxes:
    x0, y0, x1, y1 = boxes.xyxy.T
    return boxes.take(np.isfinite(boxes.xyxy).all(axis=1) & (x1 > x0) & (y1 > y0))


def _upright_box(bbox: Any) -> tuple[float, float, float, float]:
    """Return x_min, y_min, x_max, y_max of a ``BoundingBox2D``."""
    centre = getattr(bbox.center, 'position', bbox.center)  # a plain Pose2D before vision_msgs 4
    sine, cosine = abs(math.sin(bbox.center.theta)), abs(math.cos(bbox.center.theta))
    half_width = (bbox.size_x * cosine + bbox.size_y * sine) / 2
    half_height = (bbox.size_x * sine + bbox.size_y * cosine) / 2
    return centre.x - half_width, centre.y - half_height, centre.x + half_width, centre.y + half_height


def _best_hypothesis(detection: Any, person_class: str) -> float | None:
    """Return the highest score of the wanted class: NaN without hypotheses, None where it is of another class."""
    hypotheses = [getattr(result, 'hypothesis', result) for result in detection.results]
    if not hypotheses:
        return None if person_class else math.nan
    scores = [h.score for h in hypotheses if not person_class or str(getattr(h, 'class_id', '')) == person_class]
    return cast(float, max(scores)) if scores else None
