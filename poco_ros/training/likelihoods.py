"""Log densities of a rotation error, for the equations of the paper (POCO, arXiv 2308.12965, section 3).

The error of a joint is the vector of 9 differences between the entries of two rotation matrices. Both densities here
are true densities over these 9 numbers: they integrate to 1, for any scale.
"""

from __future__ import annotations

import math

import torch

#: No scale counts as smaller; float32 keeps precision in the quotient of error and scale down to here.
MIN_SCALE = 1e-6


def gaussian_log_density(error: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
    """Return log N(error; 0, variance) with independent entries (Kendall and Gal 2017; equation 2).

    :param error: (M, 24, 3, 3).
    :param variance: (M, 24, 1, 1), one for a joint, or (M, 24, 3, 3), one for each entry; > 0.
    :returns: (M, 24), summed over the entries of a joint.
    """
    v = variance.clamp_min(MIN_SCALE**2)
    return -0.5 * (error**2 / v + torch.log(2 * math.pi * v)).sum((-1, -2))


def flow_log_density(log_phi: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return the log density of an error whose quotient by the scale follows the flow (equations 3 and 4).

    By the change of variables, p(e) = phi(e / scale) / (product of the 9 scales). Where one scale stands for all 9
    entries of a joint, it counts 9 times.

    :param log_phi: (M, 24), the flow's log density of the quotient.
    :param scale: (M, 24, 1, 1) or (M, 24, 3, 3); > 0.
    :returns: (M, 24).
    """
    return log_phi - torch.log(scale.clamp_min(MIN_SCALE)).expand(*scale.shape[:2], 3, 3).sum((-1, -2))


def scaled_error(error: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return the signed quotient of error and scale, what the flow gives a density to (equation 3).

    :param error: (M, 24, 3, 3).
    :param scale: (M, 24, 1, 1) or (M, 24, 3, 3); > 0.
    :returns: (M, 24, 9), row-major.
    """
    return (error / scale.clamp_min(MIN_SCALE)).flatten(2)
