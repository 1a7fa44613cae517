"""Projection of bodies with gradients: the cameras of SPEC section 10 that the 2D losses see.

As :mod:`poco_ros.weak_perspective`, but on tensors, with one camera per person, and guarded where training must go on:
a scale of zero or less, for which no place in front of the camera exists, counts as a very small one, and its gradient
still leads out.
"""

from __future__ import annotations

import torch

from poco_ros.crops import CROP_SIZE
from poco_ros.pinhole import MIN_DEPTH
from poco_ros.weak_perspective import CROP_FOCAL_PX

#: A body with this scale fills a hundredth of its crop; no smaller one is projected (SPEC B18).
MIN_SCALE = 0.01


def crop_translation(cam: torch.Tensor) -> torch.Tensor:
    """Return the body's translation in front of the crop's camera of focal length 5000.

    :param cam: (N, 3) s, tx, ty.
    :returns: (N, 3) metres: tx, ty, 2 * 5000 / (224 s + 1e-9).
    """
    s = _positive(cam[:, 0])
    return torch.stack([cam[:, 1], cam[:, 2], 2 * CROP_FOCAL_PX / (CROP_SIZE * s + 1e-9)], 1)


def image_translation(cam: torch.Tensor, boxes: torch.Tensor, image_size: torch.Tensor) -> torch.Tensor:
    """Return the body's translation in front of the camera of the whole image (CLIFF).

    :param cam: (N, 3) s, tx, ty.
    :param boxes: (N, 3) cx, cy, side in pixels, square.
    :param image_size: (N, 2) width, height in pixels.
    :returns: (N, 3) metres; z = 2 f / (s side), with the image diagonal as f.
    """
    size = _positive(cam[:, 0]) * boxes[:, 2]
    shift = 2 * (boxes[:, :2] - image_size / 2) / size[:, None]
    return torch.cat([cam[:, 1:] + shift, (2 * _diagonal(image_size) / size)[:, None]], 1)


def project_to_crop(points: torch.Tensor, translation: torch.Tensor) -> torch.Tensor:
    """Project with the crop's camera.

    :param points: (N, K, 3) metres.
    :param translation: (N, 3) from :func:`crop_translation`.
    :returns: (N, K, 2), the crop spanning [-1, 1].
    """
    return CROP_FOCAL_PX * _plane(points, translation) / (CROP_SIZE / 2)


def project_to_image(points: torch.Tensor, translation: torch.Tensor, image_size: torch.Tensor) -> torch.Tensor:
    """Project with the camera of the whole image: diagonal focal length, principal point in the middle.

    :param points: (N, K, 3) metres.
    :param translation: (N, 3) from :func:`image_translation`.
    :param image_size: (N, 2) width, height in pixels.
    :returns: (N, K, 2) pixels.
    """
    return _diagonal(image_size)[:, None, None] * _plane(points, translation) + image_size[:, None] / 2


def _plane(points: torch.Tensor, translation: torch.Tensor) -> torch.Tensor:
    """(N, K, 2): where the points' rays meet the plane one metre away."""
    xyz = points + translation[:, None]
    return xyz[..., :2] / xyz[..., 2:].clamp_min(MIN_DEPTH)


def _diagonal(image_size: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(image_size, dim=1)


def _positive(s: torch.Tensor) -> torch.Tensor:
    """Clamp the value, not the gradient: else a camera that went wrong would never come back."""
    return s + (s.clamp_min(MIN_SCALE) - s).detach()
