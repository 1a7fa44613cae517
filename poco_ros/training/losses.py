"""The terms of the training loss, unweighted, each a function on tensors (SPEC section 9).

They are those of the released code; where a paper's equation differs it stands in
:mod:`poco_ros.training.likelihoods`. Every term is a scalar with gradients. A batch that holds nothing for a term
gives 0. Ground truth that a mask leaves out may be anything, NaN too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch

from poco_ros.training.joint_set import joint_set

_NO_LENGTH = 1e-4
CAMERA_SHARE = 0.016
"""Factor that the released code applies to the camera term besides its weight."""


def mean(values: torch.Tensor) -> torch.Tensor:
    """Return the mean, 0 of nothing."""
    return values.mean() if values.numel() else values.sum()


def mse(error: torch.Tensor, _sigma: torch.Tensor | None = None) -> torch.Tensor:
    """Return the mean squared error, whatever sigma is."""
    return mean(error**2)


def released_gaussian(error: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Return the pose term ``norm_flow_res_gaus`` of the released code: sigma is a variance.

    :param error: (M, 24, 3, 3).
    :param sigma: (M, 24, 3, 3).
    """
    variance = sigma + 1e-8
    return 0.5 * mean(error**2 / variance + torch.log(variance))


def released_laplace(error: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Return the pose term ``norm_flow_res`` of the released code: sigma is a scale.

    Its constant is the Gaussian's, sqrt(2 pi); the Laplace density with this exponent has sqrt(2).

    :param error: (M, 24, 3, 3).
    :param sigma: (M, 24, 3, 3).
    """
    return mean(torch.log(sigma * math.sqrt(2 * math.pi)) + error.abs() / (math.sqrt(2) * sigma + 1e-9))


RELEASED_POSE_TERMS: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    'mse': mse,
    'norm_flow_res_gaus': released_gaussian,
    'norm_flow_res': released_laplace,
}
"""The pose terms by the loss names of the released code; 'mse' is what it takes wherever sigma is one per joint."""


def released_pose_loss(
    term: str | None,
    pred: torch.Tensor,
    target: torch.Tensor,
    sigma: torch.Tensor | None,
    valid: torch.Tensor,
    conditioned: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the pose term with what GT-pose conditioning adds to it.

    Samples whose scale network saw the true pose are judged by the squared error, and the mean of their sigma is added:
    for the true pose it shall be 0.

    :param term: a key of :data:`RELEASED_POSE_TERMS`, or None for the zero that the released code takes, without a
        word, for a loss name it does not know (SPEC B8).
    :param pred: (N, 24, 3, 3) rotations.
    :param target: (N, 24, 3, 3) rotations.
    :param sigma: (N, 24) or (N, 24, 3, 3); None without a scale network (then the term is 'mse').
    :param valid: (N,) bool, samples with a true pose.
    :param conditioned: (N,) bool, samples whose scale network saw the true pose; None: no sample.
    """
    if conditioned is None:
        conditioned = torch.zeros_like(valid)
    free, seen = valid & ~conditioned, valid & conditioned
    loss = pred.new_zeros(())
    if term is not None:
        loss = RELEASED_POSE_TERMS[term]((pred - target)[free], pred if sigma is None else sigma[free])
    loss = loss + mse((pred - target)[seen])
    return loss if sigma is None else loss + mean(sigma[seen])


def betas_mse(pred: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error of the shape coefficients.

    :param pred: (N, 10).
    :param target: (N, 10).
    :param valid: (N,) bool.
    """
    return mse((pred - target)[valid])


def vertices_l1(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the mean absolute difference of the vertices' coordinates, metres, not aligned.

    :param pred: (M, V, 3), of the samples with a true body.
    :param target: (M, V, 3).
    """
    return mean((pred - target).abs())


def joints_3d_mse(joints: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error of the 24 judged joints, each body relative to the middle of its hips.

    :param joints: (N, K, 3) metres, K joints of :func:`poco_ros.training.joint_set.joint_set`; the last 24 count.
    :param target: (N, 24, 3 or more) metres; a confidence in the fourth column is not looked at.
    :param valid: (N,) bool.
    """
    return mse(_from_hips(joints, target, valid))


def joints_3d_distance(joints: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the mean distance of the 24 judged joints, each body relative to the middle of its hips.

    Who is far off counts in proportion, not by the square, and draws less on the others.

    :param joints: as of :func:`joints_3d_mse`.
    :param target: likewise.
    :param valid: likewise.
    :returns: a scalar, metres.
    """
    return mean(_length(_from_hips(joints, target, valid)))


def turn_distance(rotmat: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the mean length of the rotation errors: of the difference of two matrices, sqrt(8) sin(angle / 2).

    :param rotmat: (N, 24, 3, 3).
    :param target: (N, 24, 3, 3).
    :param valid: (N,) bool.
    """
    return mean(_length((rotmat - target)[valid].flatten(2)))


def keypoints_crop_mse(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the mean of confidence times squared error in the crop, which spans [-1, 1].

    The mean is over all K joints, 49 or 24; of 49 those of OpenPose count as 0. A confidence of 0 makes a joint count
    as 0.

    :param pred: (N, K, 2).
    :param target: (N, K, 3): x, y and confidence.
    """
    return _keypoint_mean(pred, target, 1)


def keypoints_image_mse(
    pred: torch.Tensor, target: torch.Tensor, boxes: torch.Tensor, image_size: torch.Tensor
) -> torch.Tensor:
    """Return the same in the whole image, the squared error divided by the box's share of each side of the image.

    :param pred: (N, K, 2) pixels.
    :param target: (N, K, 3) pixels and confidence.
    :param boxes: (N, 3) cx, cy, side in pixels.
    :param image_size: (N, 2) width, height in pixels.
    """
    size = image_size[:, None]
    return _keypoint_mean(pred, target, (2 / size) ** 2 * size / boxes[:, None, 2:])


def camera_term(cam: torch.Tensor) -> torch.Tensor:
    """Return 0.016 mean(exp(-10 s)^2), which keeps the camera's scale away from zero and below.

    :param cam: (N, 3) s, tx, ty.
    """
    return CAMERA_SHARE * mean(torch.exp(-10 * cam[:, 0]) ** 2)


def released_scaled_error(error: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Return |error| / (sigma + 1e-9), what the released code gives to the flow (SPEC section 7 and D3).

    :param error: (M, 24, 3, 3).
    :param sigma: (M, 24) or (M, 24, 3, 3).
    :returns: (M, 24, 9), row-major.
    """
    return (error.abs() / (per_entry(sigma) + 1e-9)).flatten(2)


def released_flow_loss(sigma: torch.Tensor, log_phi: torch.Tensor) -> torch.Tensor:
    """Return mean(ln sigma - log_phi). The logarithm counts once, though a joint has 9 errors.

    :param sigma: (M, 24) or (M, 24, 3, 3); below 1e-9 counts as 1e-9 (SPEC B17).
    :param log_phi: (M, 24).
    """
    return mean(torch.log(sigma.clamp_min(1e-9))) - mean(log_phi)


def per_entry(sigma: torch.Tensor) -> torch.Tensor:
    """Return sigma so that it broadcasts over the entries of rotation matrices.

    :param sigma: (M, 24) or (M, 24, 3, 3).
    :returns: (M, 24, 1, 1) or (M, 24, 3, 3).
    """
    return sigma[..., None, None] if sigma.dim() == 2 else sigma


def _from_hips(joints: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """(M, 24, 3): errors of the judged joints, each body relative to the middle of its hips."""
    kind = joint_set(joints.shape[1])
    hips = list(kind.hips)
    p, t = joints[valid][:, kind.first :], target[valid][..., :3]
    return (p - p[:, hips].mean(1, keepdim=True)) - (t - t[:, hips].mean(1, keepdim=True))


def _length(errors: torch.Tensor) -> torch.Tensor:
    """Lengths along the last axis; at no error the gradient is 0, not NaN."""
    return torch.sqrt((errors**2).sum(-1) + _NO_LENGTH**2)


def _keypoint_mean(pred: torch.Tensor, target: torch.Tensor, weights: torch.Tensor | int) -> torch.Tensor:
    """Mean over all joints; those that are not judged and those of no confidence count as 0 in it.

    :param weights: (N, 1, 2), of the squared error along each axis.
    """
    first = joint_set(pred.shape[1]).first
    confidence = target[:, first:, 2:]
    error = pred[:, first:] - target[:, first:, :2]
    # Where the confidence is 0 the position may be NaN, which no product with 0 would remove.
    error = torch.where(confidence > 0, error, 0)
    return (confidence * weights * error**2).sum() / max(pred.numel(), 1)
