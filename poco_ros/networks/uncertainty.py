"""From sigma to what is reported: accumulation along the skeleton, and one number per person by a named rule.

SPEC section 8. Everything is elementwise or a plain sum, in the dtype of sigma: it exports to ONNX, and no matrix
product rounds it to a lower precision. What is not known (NaN) stays unknown.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from poco_ros.body.smpl import PARENTS
from poco_ros.errors import ConfigError
from poco_ros.networks.variants import SCALAR_RULES

_TAU = 0.40
_SELECTED_BELOW = 0.3
_SHOWN_AT_MOST = 0.99


def _chains() -> npt.NDArray[np.bool_]:
    """(24, 24): whether joint k lies on the way from the root to joint j, j itself included."""
    chains = np.eye(len(PARENTS), dtype=bool)
    for joint in range(1, len(PARENTS)):
        chains[joint] |= chains[PARENTS[joint]]
    return chains


_CHAINS = _chains()
_LARGEST_MEAN = float(_CHAINS.sum() / len(PARENTS))

# How much of a body a joint moves: for each, squared distances to the joints below it, of the open body at rest, as a
# share of the sum of all.
_REACH = (
    0.3401, 0.0558, 0.0558, 0.1530, 0.0147, 0.0147, 0.1182, 0.0007, 0.0007, 0.1088, 0.0, 0.0,
    0.0001, 0.0363, 0.0363, 0.0, 0.0255, 0.0255, 0.0066, 0.0066, 0.0003, 0.0003, 0.0, 0.0,
)  # fmt: skip


def joint_sigma(sigma: Tensor) -> Tensor:
    """Return one number per joint.

    :param sigma: (N, 24), or (N, 24, 3, 3), of which the mean over the rotation matrix is taken.
    :returns: (N, 24).
    """
    return sigma.mean(dim=(2, 3)) if sigma.ndim == 4 else sigma


def accumulate(sigma: Tensor) -> Tensor:
    """Add up sigma from the root to each joint: what is wrong above moves what hangs below.

    The root keeps its own; a hand sums nine joints, so with sigma in (0, 1) the result is in (0, 9).

    :param sigma: (N, 24).
    :returns: (N, 24), a new tensor: accumulating in place would alter sigma for whoever reads it next (SPEC B3).
    """
    chains = torch.from_numpy(_CHAINS).to(sigma.device)
    return sigma.unsqueeze(1).masked_fill(~chains, 0).sum(dim=2)


def body_uncertainty(sigma: Tensor, rule: str, *, kinematic: bool = True) -> Tensor:
    """Return one number per person, by a versioned rule. Values of different rules must not be compared.

    - 'official-cliff-1': the root's sigma, 1 where it is above 0.80. Accumulation does not change it.
    - 'official-pare-1': the mean of the accumulated sigma, not normalised (it exceeds 1), but 1 where the root's sigma
      is above 0.40.
    - 'paper-1': the mean of the accumulated sigma, divided by the greatest value that it can take with sigma in (0, 1):
      in (0, 1), and 1 only when every joint's sigma is. The paper sums along the skeleton, normalises to [0, 1] and
      takes the mean, and does not say by what it normalises; any constant gives the same order of people, and this one
      uses the whole range.
    - 'reach-1': root mean square of sigma, each joint weighed by the squared distances to the joints that it moves: in
      proportion to how far 24 joints are off when every rotation is off by its sigma, independently. In (0, 1) with
      sigma in (0, 1).
    - 'reach-variance-1': the same where what is called sigma is a variance, as with Gauss.

    :param sigma: (N, 24).
    :param rule: one of :data:`poco_ros.networks.variants.SCALAR_RULES`.
    :param kinematic: whether to accumulate along the skeleton; without, sigma itself is averaged.
    :returns: (N,).
    :raises ConfigError: when there is no such rule.
    """
    root = sigma[:, 0]
    if rule == 'official-cliff-1':
        return root.masked_fill(root > 2 * _TAU, 1)
    if rule.startswith('reach'):
        squares = sigma if rule == 'reach-variance-1' else sigma**2
        return torch.sqrt((squares * torch.tensor(_REACH, dtype=sigma.dtype, device=sigma.device)).sum(dim=1))
    mean = (accumulate(sigma) if kinematic else sigma).mean(dim=1)
    if rule == 'official-pare-1':
        return mean.masked_fill(root > _TAU, 1)
    if rule == 'paper-1':
        return mean / (_LARGEST_MEAN if kinematic else 1.0)
    raise ConfigError(f'there is no rule {rule!r} for the uncertainty of a body; there are {", ".join(SCALAR_RULES)}')


def clip_for_display(uncertainty: Tensor) -> Tensor:
    """Limit to [0, 0.99], as the released demonstration shows it."""
    return uncertainty.clamp(0, _SHOWN_AT_MOST)


def confident_enough(sigma: Tensor, threshold: float = _SELECTED_BELOW) -> Tensor:
    """Return who is good enough to be pseudo ground truth: those whose root's sigma is below a threshold.

    :param sigma: (N, 24).
    :param threshold: strictly above the sigma of everybody selected.
    :returns: (N,) bool; of somebody unknown (NaN) False.
    """
    return sigma[:, 0] < threshold
