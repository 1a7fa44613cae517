"""The ways to model uncertainty, by name, for each regressor: which network, and which losses train it.

``none`` is the regressor alone. ``gauss`` gives every joint a variance (Kendall and Gal). ``nflow`` learns the shape of
the errors' density with a normalising flow. ``cond_scale`` shows the pose to the network that predicts the scale,
``cond_bdf`` conditions the flow on the image, ``poco`` does both (paper, table 3).

Two modes. ``official`` is what the released code trains (SPEC section 9). ``paper`` is what the paper's equations
2 to 7 say, and differs from it in this (SPEC D1 to D8, D12):

- the errors are signed, and every entry's scale counts in the density;
- the Gaussian of ``gauss`` and of the residual likelihood (Q) is there, where the released code has the plain squared
  error. With a flow the same sigma is the scale of Q and of the flow; in ``gauss`` it is a variance (equation 2);
- only the feature passes a layer of its own before the pose is put beside it, and the flow has two coupling layers, for
  every regressor;
- no vertices, no camera term, no GT-pose conditioning, no factor of 60, and the 2D loss trains the camera.

The paper's lambda_nf and lambda_sigma are 1e-4. For lambda_q the same is taken, so that the sum is 1e-4 times one
log-likelihood. As in residual log-likelihood estimation (Li et al. 2021), the product of Q and the flow is not
normalised. The paper leaves the flow's variables open; here they are the 9 entries of a joint's rotation matrix, one
flow for all joints, as released. The learned lift, which is trained from nothing, has another loss of the body.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poco_ros.errors import ConfigError
from poco_ros.networks.variants import FORMULATIONS, LIFT, OFFICIAL, POCO_LIFT, REGRESSORS, Variant
from poco_ros.training.loss_config import LossConfig, PoseTerm

MODES = ('paper', 'official')

PAPER_LAMBDA = 1e-4
#: The lift learns from nothing, and from landmarks that are some people's with left and right exchanged: squares, and
#: densities that weigh as much as the body, draw everybody toward these. Lengths do not; in 1000 steps they bring it
#: farther than squares in 4500. Rotations have a term of their own, since joints hardly show the turn of the pelvis.
_LIFT_BODY: Mapping[str, Any] = {'joints_term': 'distance', 'kp3d': 1.0, 'turn': 0.02, 'kp2d': 0.5}
_LIFT_LAMBDA = 3e-3
_PAPER_HIDDEN = (216,)
_PAPER_FLOW_LAYERS = 2
_OFFICIAL_GAUSS_MULTIPLIER = 3.0


@dataclass(frozen=True)
class Formulation:
    """A network's structure and the losses that train it.

    :raises ConfigError: when the losses need a part that the network has not.
    """

    variant: Variant
    losses: LossConfig

    def __post_init__(self) -> None:
        variant, config = self.variant, self.losses
        if config.flow_term != 'none' and not variant.has_flow:
            raise ConfigError(f'the flow term needs a flow, which {variant.formulation!r} has not')
        if config.pose_term != 'mse' and not variant.has_uncertainty:
            raise ConfigError(f'the pose term {config.pose_term!r} needs a scale network, which {variant.name!r} lacks')
        if config.pose_term.startswith('norm_flow') and variant.sigma_size != 9:
            raise ConfigError(f'the pose term {config.pose_term!r} exists for sigma_size 9 alone: with 1 the released '
                              "code takes 'mse'")
        if config.conditioned_share > 0 and variant.scale_sees == 'feat':
            raise ConfigError('GT-pose conditioning shows the pose to a scale network that does not look at it '
                              f'({variant.formulation!r})')


def formulation(
    name: str, regressor: str, mode: str, *, backbone: str | None = None, sigma_size: int = 1
) -> Formulation:
    """Return a formulation by its name.

    :param name: 'none', 'gauss', 'nflow', 'cond_scale', 'cond_bdf' or 'poco'.
    :param regressor: 'hmr', 'pare', 'cliff', or 'lift', which nobody released: it has the paper's mode alone.
    :param mode: 'paper' or 'official'.
    :param backbone: timm's name of another image network; default the regressor's own.
    :param sigma_size: numbers per joint, 1 as released, or 9 for one per entry of its rotation matrix.
    :raises ConfigError: when a name is unknown, the mode is not one of the regressor's, or sigma_size contradicts the
        formulation.
    """
    for what, value, choices in (
        ('formulation', name, FORMULATIONS), ('regressor', regressor, (*REGRESSORS, LIFT)), ('mode', mode, MODES)
    ):
        if value not in choices:
            raise ConfigError(f'{what} must be one of {", ".join(choices)}, not {value!r}')
    if sigma_size != 1 and (name == 'none' or (name, mode) == ('gauss', 'official')):
        raise ConfigError(f'the {mode} formulation {name!r} has no {sigma_size} sigmas per joint')
    if (regressor, mode) == (LIFT, 'official'):
        raise ConfigError("there is no official mode of the lift: no code of it was released; take the mode 'paper'")
    base = {**OFFICIAL, POCO_LIFT.name: POCO_LIFT}[f'poco_{regressor}']
    variant = dataclasses.replace(
        base, name=f'{name}_{regressor}', formulation=name, backbone=backbone or base.backbone, sigma_size=sigma_size
    )
    return _official(variant) if mode == 'official' else _paper(variant)


def _official(variant: Variant) -> Formulation:
    if variant.formulation == 'gauss':
        # The released code multiplies the output of every loss name that is a part of 'gauss_genG' by 3.
        variant = dataclasses.replace(variant, sigma_multiplier=_OFFICIAL_GAUSS_MULTIPLIER)
    is_cliff = variant.regressor == 'cliff'
    losses = LossConfig(
        pose_term='mse' if variant.sigma_size == 1 else 'norm_flow_res_gaus',
        flow_term='released' if variant.has_flow else 'none',
        keypoint_space='image' if is_cliff else 'crop',
        shape=1.0 if is_cliff else 0.0,
        nf=(0.01 if is_cliff else 1e-4) if variant.has_flow else 0.0,
        conditioned_share=0.25 if is_cliff and variant.has_flow and variant.scale_sees != 'feat' else 0.0,
        detached_camera=is_cliff,
    )
    return Formulation(variant, losses)


def _paper(variant: Variant) -> Formulation:
    is_lift = variant.regressor == LIFT
    of_lift = 'reach-variance-1' if variant.formulation == 'gauss' else variant.scalar_rule
    variant = dataclasses.replace(
        variant, name=f'{variant.name}_paper', scale_input='feat-net-pose', scale_hidden=_PAPER_HIDDEN,
        flow_layers=_PAPER_FLOW_LAYERS, scalar_rule=of_lift if is_lift else 'paper-1',
    )  # fmt: skip
    pose_term: PoseTerm = 'mse'
    if variant.has_uncertainty:
        pose_term = 'gaussian_scale' if variant.has_flow else 'gaussian_variance'
    density, squared = (_LIFT_LAMBDA, 0.0) if is_lift else (PAPER_LAMBDA, LossConfig.pose)
    losses = LossConfig(
        pose_term=pose_term,
        flow_term='density' if variant.has_flow else 'none',
        keypoint_space='image' if variant.sees_box else 'crop',
        overall=1.0,
        pose=density if variant.has_uncertainty else squared,
        cam=0.0,
        nf=density if variant.has_flow else 0.0,
        **(_LIFT_BODY if is_lift else {}),
    )
    return Formulation(variant, losses)
