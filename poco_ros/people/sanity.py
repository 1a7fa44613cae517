"""Which of the landmark network's answers can be a person at all, and which are one person twice.

The network's presence score alone lets much background pass; these checks need nothing but its own output.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from poco_ros.people.region import Region
from poco_ros.types import Landmarks

_SHOULDERS, _HIPS = [11, 12], [23, 24]
_TORSO_M = (0.2, 0.9)
_MIN_IN_PICTURE = 8
_MIN_SEEN = 4
_MIN_HEIGHT_PX = 16.0
_MIN_TORSO, _MIN_LENGTH, _MOST_WIDTH = 0.12, 0.4, 1.2
_SAME_PERSON = 0.12


def plausible(landmarks: Landmarks, width: int, height: int) -> npt.NDArray[np.bool_]:
    """Tell which of N answers can be a person of whom something is in the picture.

    All numbers are finite, at least eight landmarks lie inside the image, at least four of them are visible, the
    torso is between 0.2 and 0.9 metres long, and the body spans at least 16 pixels.

    :param landmarks: N answers.
    :param width: of the image in pixels.
    :param height: of the image in pixels.
    :returns: (N,) bool.
    """
    points, world = landmarks.image_px, landmarks.world_m
    finite = np.isfinite(points).all((1, 2)) & np.isfinite(world).all((1, 2)) & np.isfinite(landmarks.score)
    inside = ((points > -0.5) & (points < np.array([width, height]) - 0.5)).all(-1) & (landmarks.presence > 0.5)
    seen = inside & (landmarks.visibility > 0.5)
    torso = np.linalg.norm(world[:, _SHOULDERS].mean(1) - world[:, _HIPS].mean(1), axis=-1)
    return np.asarray(
        finite & (inside.sum(1) >= _MIN_IN_PICTURE) & (seen.sum(1) >= _MIN_SEEN)
        & (torso > _TORSO_M[0]) & (torso < _TORSO_M[1]) & (_span(points) > _MIN_HEIGHT_PX), np.bool_,
    )


def well_formed(landmarks: Landmarks, regions: Sequence[Region | None]) -> npt.NDArray[np.bool_]:
    """Tell which of N answers have the build of an ordinary person within the region that they ask for.

    A region is turned along the torso and fits the body, so shoulders stand above the hips by about 0.23 of its
    side and the landmarks reach over about 0.63 of it. Background that fools the presence score mostly gives a
    crumpled body: here the torso must make up 0.12, the body 0.4, and it may not be a fifth wider than long. Rare
    true poses fail, such as a torso that points at the camera.

    :param landmarks: N answers.
    :param regions: N regions of the next frame.
    :returns: (N,) bool.
    """
    good = []
    for points, region in zip(landmarks.image_px, regions, strict=True):
        if region is None:
            good.append(False)
            continue
        upright = points @ region.rotation / region.side
        torso = upright[_HIPS, 1].mean() - upright[_SHOULDERS, 1].mean()
        width, length = np.ptp(upright, axis=0)
        good.append(bool(torso > _MIN_TORSO and length > _MIN_LENGTH and width < _MOST_WIDTH * length))
    return np.array(good, np.bool_)


def without_repeats(landmarks: Landmarks, rank: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Tell which of N answers to keep so that nobody is there twice: of equal ones the highest ranked.

    Two answers are one person when the median distance between their landmarks is below 12 % of the body's span.

    :param landmarks: N answers.
    :param rank: (N,) larger is kept rather; of equals the first.
    :returns: (N,) bool.
    """
    points = landmarks.image_px
    apart = np.median(np.linalg.norm(points[:, None] - points[None], axis=-1), axis=-1)
    span = _span(points)
    same = apart < _SAME_PERSON * np.maximum(span[:, None], span[None])
    keep = np.zeros(len(landmarks), np.bool_)
    for row in np.argsort(-rank, kind='stable'):
        keep[row] = not (same[row] & keep).any()
    return keep


def _span(points: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """(N,) longer side of the box around all landmarks, in pixels."""
    return np.asarray((points.max(1) - points.min(1)).max(-1))
