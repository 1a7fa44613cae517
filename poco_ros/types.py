"""What flows between the stages: frames, boxes, landmarks and bodies, as frozen records of arrays.

Every array over people has N, the number of persons, as its first axis; N may be 0. What is not known
is NaN (floats), -1 (``track_id``) or the ``UNKNOWN`` member (states). Pixel coordinates put integers at
pixel centres: the first pixel of an image is (0, 0).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from poco_ros.camera import Camera

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]

NUM_JOINTS = 24
NUM_BETAS = 10
NUM_LANDMARKS = 33

_Record = TypeVar('_Record', bound='_People')


class State(IntEnum):
    """How an estimate came to be; larger is worse. Same numbers as ``SmplBody.STATE_*``."""

    UNKNOWN = 0
    OBSERVED = 1
    INFILLED = 2
    HELD = 3
    EXTRAPOLATED = 4
    LOST = 5


class Domain(IntEnum):
    """Whether the input resembles the calibration data. Same numbers as ``SmplBody.DOMAIN_*``."""

    UNKNOWN = 0
    IN = 1
    OUT = 2


@dataclass(frozen=True)
class Frame:
    """One camera image with its camera.

    :param image: H x W x 3 uint8, RGB, C-contiguous.
    :param camera: intrinsics for this image size.
    :param stamp_ns: capture time in nanoseconds of the source's clock.
    :param frame_id: the camera's optical frame.
    """

    image: npt.NDArray[np.uint8]
    camera: Camera
    stamp_ns: int = 0
    frame_id: str = ''


class _People:
    """Shared by the records whose every field is an array over N persons."""

    def __len__(self) -> int:
        first = dataclasses.fields(self)[0].name  # type: ignore[arg-type]
        return len(getattr(self, first))

    def take(self: _Record, index: npt.NDArray[np.generic] | list[int] | slice) -> _Record:
        """Return the persons at ``index`` (integers, a boolean mask, or a slice), in that order."""
        if isinstance(index, list):
            index = np.asarray(index, np.intp)
        values = {f.name: getattr(self, f.name)[index] for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        return dataclasses.replace(self, **values)  # type: ignore[type-var]


@dataclass(frozen=True)
class Boxes(_People):
    """Persons as axis-aligned boxes.

    :param xyxy: (N, 4) float32, x_min, y_min, x_max, y_max in image pixels; may reach beyond the image.
    :param score: (N,) float32 in [0, 1], NaN where not known.
    :param track_id: (N,) int32, >= 1, or -1 where the person has no identity yet.
    """

    xyxy: FloatArray
    score: FloatArray
    track_id: IntArray

    @staticmethod
    def empty() -> Boxes:
        """No persons."""
        return Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))


@dataclass(frozen=True)
class Landmarks(_People):
    """The 33 BlazePose landmarks of N persons.

    :param image_px: (N, 33, 2) float32, x, y in image pixels (also outside the image).
    :param depth_px: (N, 33) float32, depth relative to the hips, away from the camera, in image pixels.
    :param visibility: (N, 33) float32 in [0, 1], probability of being inside the picture and not occluded.
    :param presence: (N, 33) float32 in [0, 1], probability of being inside the picture.
    :param world_m: (N, 33, 3) float32, metres, origin between the hips, axes of a camera turned to look at the
        person (x right, y down, z away from it), image rotation of the region already undone. The network sees a
        crop and cannot know where in the picture it was.
    :param score: (N,) float32 in [0, 1], probability that the region shows a person.
    """

    image_px: FloatArray
    depth_px: FloatArray
    visibility: FloatArray
    presence: FloatArray
    world_m: FloatArray
    score: FloatArray

    @staticmethod
    def empty() -> Landmarks:
        """No persons."""
        n = NUM_LANDMARKS
        return Landmarks(
            np.zeros((0, n, 2), np.float32), np.zeros((0, n), np.float32), np.zeros((0, n), np.float32),
            np.zeros((0, n), np.float32), np.zeros((0, n, 3), np.float32), np.zeros(0, np.float32),
        )


@dataclass(frozen=True)
class People:
    """Persons found in a frame: boxes with identity, and their landmarks row by row.

    :param boxes: N persons.
    :param landmarks: N rows in the same order; None when the source of the boxes gives no landmarks.
    :param features: (N, 288) float32, what the landmark network knows of each person
        (:func:`poco_ros.people.landmarker.pooled`); None when the source gives none.
    :param local_features: (N, 33, 88) float32, what it knows of the place of each landmark
        (:func:`poco_ros.people.landmarker.local`); None when the source gives none.
    """

    boxes: Boxes
    landmarks: Landmarks | None = None
    features: FloatArray | None = None
    local_features: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class Bodies(_People):
    """N SMPL bodies, field by field what ``SmplBody`` carries on the wire.

    3D quantities are in the camera's optical frame (x right, y down, z forward), in metres.

    :param track_id: (N,) int32, -1 where not tracked.
    :param box_px: (N, 4) float32, x_min, y_min, x_max, y_max.
    :param box_score: (N,) float32 in [0, 1].
    :param pose: (N, 24, 3) float32, axis-angle; joint 0 is ``global_orient``, the rest relative to parents.
    :param betas: (N, 10) float32, of the body model in use.
    :param transl: (N, 3) float32, added to every vertex and joint of the posed model (as in smplx).
    :param joints: (N, 24, 3) float32, ``transl`` included.
    :param joint_uncertainty: (N, 24) float32, as the model defines it.
    :param uncertainty: (N,) float32, as the model defines it.
    :param joint_error_mm: (N, 24) float32, calibrated expected error, pelvis-aligned; NaN uncalibrated.
    :param joint_radius_mm: (N, 24) float32, calibrated radius at the stated coverage; NaN uncalibrated.
    :param body_error_mm: (N,) float32, calibrated; NaN uncalibrated.
    :param body_radius_mm: (N,) float32, calibrated simultaneous bound; NaN uncalibrated.
    :param transl_error_mm: (N,) float32, calibrated, optical frame; NaN uncalibrated.
    :param transl_radius_mm: (N,) float32, calibrated, optical frame; NaN uncalibrated.
    :param joint_covariance: (N, 24, 6) float32, xx xy xz yy yz zz in m^2; NaN unknown.
    :param confidence: (N,) float32 in [0, 1], calibrated probability; NaN uncalibrated.
    :param in_domain: (N,) uint8 of :class:`Domain`.
    :param state: (N,) uint8 of :class:`State`, the worst over the joints.
    :param joint_state: (N, 24) uint8 of :class:`State`.
    :param joint_age: (N, 24) float32, seconds since last trusted.
    :param revision: (N,) uint32.
    """

    track_id: IntArray
    box_px: FloatArray
    box_score: FloatArray
    pose: FloatArray
    betas: FloatArray
    transl: FloatArray
    joints: FloatArray
    joint_uncertainty: FloatArray
    uncertainty: FloatArray
    joint_error_mm: FloatArray
    joint_radius_mm: FloatArray
    body_error_mm: FloatArray
    body_radius_mm: FloatArray
    transl_error_mm: FloatArray
    transl_radius_mm: FloatArray
    joint_covariance: FloatArray
    confidence: FloatArray
    in_domain: npt.NDArray[np.uint8]
    state: npt.NDArray[np.uint8]
    joint_state: npt.NDArray[np.uint8]
    joint_age: FloatArray
    revision: npt.NDArray[np.uint32]

    @staticmethod
    def unknown(n: int) -> Bodies:
        """Return ``n`` bodies of which nothing is known: NaN, -1 and UNKNOWN throughout."""

        def nan(*shape: int) -> FloatArray:
            return np.full((n, *shape), np.nan, np.float32)

        j = NUM_JOINTS
        return Bodies(
            track_id=np.full(n, -1, np.int32), box_px=nan(4), box_score=nan(),
            pose=nan(j, 3), betas=nan(NUM_BETAS), transl=nan(3), joints=nan(j, 3),
            joint_uncertainty=nan(j), uncertainty=nan(),
            joint_error_mm=nan(j), joint_radius_mm=nan(j), body_error_mm=nan(), body_radius_mm=nan(),
            transl_error_mm=nan(), transl_radius_mm=nan(), joint_covariance=nan(j, 6), confidence=nan(),
            in_domain=np.full(n, Domain.UNKNOWN, np.uint8), state=np.full(n, State.UNKNOWN, np.uint8),
            joint_state=np.full((n, j), State.UNKNOWN, np.uint8), joint_age=nan(j),
            revision=np.zeros(n, np.uint32),
        )
