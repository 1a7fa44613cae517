"""Which losses a network is trained with, and how much each counts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from poco_ros.errors import ConfigError
from poco_ros.settings import check_settings, choice, described, setting

PoseTerm = Literal['mse', 'norm_flow_res_gaus', 'norm_flow_res', 'gaussian_variance', 'gaussian_scale']
RELEASED_TERMS = ('mse', 'norm_flow_res_gaus', 'norm_flow_res')
DENSITY_TERMS = ('gaussian_variance', 'gaussian_scale')

_LARGE = 1e6


@dataclass(frozen=True)
class LossConfig:
    """Terms and weights (SPEC section 9). The defaults are those of the released PARE.

    :raises ConfigError: when a value is out of range or contradicts another.
    """

    pose_term: PoseTerm = choice(
        'mse', 'how rotation errors count: mse; the two likelihoods of the released code, by its names; or the '
        'Gaussian density of the paper, with sigma as its variance or its scale', *RELEASED_TERMS, *DENSITY_TERMS)
    flow_term: Literal['none', 'released', 'density'] = choice(
        'none', 'none; the released ln sigma - log phi of absolute errors; or the density of signed errors (the paper)',
        'none', 'released', 'density')
    keypoint_space: Literal['crop', 'image'] = choice(
        'crop', 'where 2D joints are compared: in the crop, or in the whole image (CLIFF)', 'crop', 'image')
    joints_term: Literal['squared', 'distance'] = choice(
        'squared', 'how errors of 3D joints count: by their square, as released, or by their length, the mean of which '
        'is MPJPE', 'squared', 'distance')
    overall: float = setting(60.0, 'factor on the sum of all terms', 0.0, _LARGE)
    pose: float = setting(
        0.01, 'weight of the rotation errors (the paper: lambda_q); the released code takes 1.0 for the loss name '
        'norm_flow alone', 0.0, _LARGE)
    turn: float = setting(
        0.0, 'weight of the length of the rotation errors, which unlike a density asks for the pose alone', 0.0, _LARGE)
    betas: float = setting(0.001, 'weight of the shape coefficients', 0.0, _LARGE)
    kp3d: float = setting(5.0, 'weight of the 3D joints', 0.0, _LARGE)
    kp2d: float = setting(2.5, 'weight of the 2D joints', 0.0, _LARGE)
    shape: float = setting(0.0, 'weight of the vertices', 0.0, _LARGE)
    cam: float = setting(1.0, 'weight of the term that keeps the camera scale positive', 0.0, _LARGE)
    nf: float = setting(0.0, 'weight of the flow term (the paper: lambda_nf and lambda_sigma)', 0.0, _LARGE)
    conditioned_share: float = setting(
        0.0, 'share of the samples of one data set whose scale network is shown the true pose', 0.0, 1.0)
    conditioned_dataset: str = described('h36m', 'name of that data set')
    detached_camera: bool = described(
        False, 'whether the 2D loss in the whole image leaves the camera alone, as in the released CLIFF (SPEC B1)')

    def __post_init__(self) -> None:
        check_settings(self)
        if (self.nf > 0) != (self.flow_term != 'none'):
            raise ConfigError(f'the flow term {self.flow_term!r} contradicts its weight nf = {self.nf}')
        if self.detached_camera and self.keypoint_space != 'image':
            raise ConfigError("detached_camera is of the camera of the whole image: it needs keypoint_space 'image'")
        if self.conditioned_share > 0 and self.pose_term not in RELEASED_TERMS:
            raise ConfigError(f'conditioned_share belongs to the released pose terms, not to {self.pose_term!r}')

    def with_pose_weight(self, factor: float) -> LossConfig:
        """Return the same with the rotation errors and the flow term weighted so many times as much.

        The weights of a formulation are those of networks that could already regress; where the joints outweigh the
        rotations, what no joint shows is learnt late.

        :param factor: > 0.
        :raises ConfigError: when a weight comes out of range.
        """
        return dataclasses.replace(self, pose=factor * self.pose, nf=factor * self.nf)
