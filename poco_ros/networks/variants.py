"""What a POCO network is made of, as plain data: it names the parts, stands in checkpoints and ``model.json``.

Imports no torch, so that what only reads a compiled model's record can use it too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poco_ros.errors import ConfigError

REGRESSORS = ('hmr', 'pare', 'cliff')
"""The paper's, which look at images."""
LIFT = 'lift'
"""The regressor that looks at landmarks."""
LANDMARKS = 'local_landmarks'
"""Its backbone: the name of the rule that makes the observation, see ``regressors/poco_lift/observation.py``."""
FORMULATIONS = ('none', 'gauss', 'nflow', 'cond_scale', 'cond_bdf', 'poco')
SCALE_INPUTS = ('feat', 'feat-pose', 'feat-pose-net', 'feat-net-pose')
ACTIVATIONS = ('sigmoid', 'softplus', 'none')
MASKS = ('alter', 'new', 'old')
SCALAR_RULES = ('official-cliff-1', 'official-pare-1', 'paper-1', 'reach-1', 'reach-variance-1')

_WITH_FLOW = ('nflow', 'cond_scale', 'cond_bdf', 'poco')
_COND_SCALE = ('cond_scale', 'poco')
_COND_BDF = ('cond_bdf', 'poco')


@dataclass(frozen=True)
class Variant:
    """Structure of one network; its weights fit no other.

    :param name: how users call it, e.g. 'poco_cliff'.
    :param regressor: 'hmr', 'pare' or 'cliff' (SPEC section 4); 'lift', which reads landmarks where they read images,
        and otherwise regresses as 'cliff' does.
    :param backbone: timm's name: 'hrnet_w48' (with its classification head's convolutions), 'hrnet_w32', 'resnet50', or
        for training any other that gives a feature map. The lift's is 'local_landmarks'.
    :param formulation: how uncertainty is modelled (paper table 3): 'none' has no scale network, 'gauss' no flow,
        'nflow' neither condition, 'cond_scale' and 'cond_bdf' one of the two, 'poco' both.
    :param scale_input: what the scale network sees with Cond-Scale (SPEC section 6): 'feat-pose', 'feat-pose-net', or
        'feat-net-pose', the paper's (SPEC D5). Without Cond-Scale it sees the image feature alone ('feat').
    :param scale_hidden: its hidden sizes; with 'feat-pose-net' and 'feat-net-pose' the first is that of the branches.
    :param scale_activation: 'sigmoid', 'softplus' or 'none', after every layer, the last included.
    :param sigma_size: numbers per joint: 1, or 9 for one per entry of the rotation matrix.
    :param sigma_multiplier: factor on its output; 1, but 3 in the official mode of 'gauss' (SPEC section 6).
    :param flow_layers: coupling layers of the RealNVP, even; 0 without a flow.
    :param flow_mask: 'alter', 'new' or 'old' (SPEC section 7).
    :param flow_context: size of the flow's context vector with Cond-bDF; without it the flow is unconditional.
    :param scalar_rule: the versioned rule that makes one number of 24 (SPEC section 8).
    :param head_hidden: size of the hidden layers of an iterative head ('hmr', 'cliff', 'lift').
    :param encoder_width: size of the feature of the lift's encoder, even; 0 with image networks.
    :param encoder_blocks: its residual blocks; 0 with image networks.
    """

    name: str
    regressor: str
    backbone: str
    formulation: str = 'poco'
    scale_input: str = 'feat-pose-net'
    scale_hidden: tuple[int, ...] = (216,)
    scale_activation: str = 'sigmoid'
    sigma_size: int = 1
    sigma_multiplier: float = 1.0
    flow_layers: int = 2
    flow_mask: str = 'alter'
    flow_context: int = 512
    scalar_rule: str = 'paper-1'
    head_hidden: int = 1024
    encoder_width: int = 0
    encoder_blocks: int = 0

    def __post_init__(self) -> None:
        for field, choices in (
            ('regressor', (*REGRESSORS, LIFT)), ('formulation', FORMULATIONS), ('scale_input', SCALE_INPUTS),
            ('scale_activation', ACTIVATIONS), ('flow_mask', MASKS), ('scalar_rule', SCALAR_RULES),
            ('sigma_size', (1, 9)),
        ):
            if getattr(self, field) not in choices:
                raise ConfigError(
                    f'{field} of a network must be one of {", ".join(map(str, choices))}, '
                    f'got {getattr(self, field)!r}'
                )
        if self.flow_layers < 0 or self.flow_layers % 2 or self.flow_context < 0:
            raise ConfigError(f'a flow needs an even number of coupling layers and a context of at least 0, '
                              f'got {self.flow_layers} and {self.flow_context}')
        if self.scale_input.count('net') and not self.scale_hidden:
            raise ConfigError(f'scale_input {self.scale_input!r} needs a first hidden size, that of its branches')
        if not self.sigma_multiplier > 0:
            raise ConfigError(f'sigma_multiplier must be positive, got {self.sigma_multiplier}')
        self._check_conditions()
        self._check_sizes()

    def _check_conditions(self) -> None:
        """Refuse a formulation whose name promises what the other fields take away."""
        if self.formulation in _COND_SCALE and self.scale_input == 'feat':
            raise ConfigError(f'formulation {self.formulation!r} conditions sigma on the pose: scale_input must be '
                              f"'feat-pose', 'feat-pose-net' or 'feat-net-pose', got 'feat'")
        if self.formulation in _WITH_FLOW and self.flow_layers == 0:
            raise ConfigError(f'formulation {self.formulation!r} needs a flow: flow_layers must be at least 2, got 0')
        if self.formulation in _COND_BDF and self.flow_context == 0:
            raise ConfigError(f'formulation {self.formulation!r} conditions the flow on the image: flow_context must '
                              f'be at least 1, got 0')

    def _check_sizes(self) -> None:
        """Refuse a lift without an encoder, an image network with one, and layers without a size."""
        is_lift, encoder = self.regressor == LIFT, (self.encoder_width, self.encoder_blocks)
        if is_lift != (self.backbone == LANDMARKS):
            raise ConfigError(f'the backbone of a lift is {LANDMARKS!r}, and of no other network: got the regressor '
                              f'{self.regressor!r} with the backbone {self.backbone!r}')
        if is_lift and (min(encoder) < 1 or self.encoder_width % 2):
            raise ConfigError(f'a lift needs an encoder_width that is even and encoder_blocks, got {encoder}')
        if not is_lift and any(encoder):
            raise ConfigError(f'{self.regressor!r} has no encoder of landmarks: encoder_width and encoder_blocks must '
                              f'be 0, got {encoder}')
        if self.head_hidden < 1:
            raise ConfigError(f'head_hidden must be at least 1, got {self.head_hidden}')

    @property
    def sees_box(self) -> bool:
        """Whether the network is told where in the image the person is (``bbox_info``)."""
        return self.regressor in ('cliff', LIFT)

    @property
    def scale_sees(self) -> str:
        """What the scale network sees: ``scale_input`` with Cond-Scale, else the image feature alone."""
        return self.scale_input if self.formulation in _COND_SCALE else 'feat'

    @property
    def flow_sees(self) -> int:
        """Size of the flow's context: ``flow_context`` with Cond-bDF, else 0."""
        return self.flow_context if self.formulation in _COND_BDF else 0

    @property
    def has_uncertainty(self) -> bool:
        """Whether there is a scale network."""
        return self.formulation != 'none'

    @property
    def has_flow(self) -> bool:
        """Whether there is a flow (in training; inference never runs it)."""
        return self.formulation in _WITH_FLOW

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return dataclasses.asdict(self) | {'scale_hidden': list(self.scale_hidden)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Variant:
        """Read what :meth:`to_dict` wrote.

        :raises ConfigError: when a field is missing, unknown or out of range.
        """
        try:
            return cls(**{**fields, 'scale_hidden': tuple(fields.get('scale_hidden', ()))})
        except TypeError as error:
            raise ConfigError(f'not the description of a network: {error}') from error


OFFICIAL: Mapping[str, Variant] = {
    'poco_cliff': Variant('poco_cliff', 'cliff', 'hrnet_w48', scalar_rule='official-cliff-1'),
    'poco_pare': Variant('poco_pare', 'pare', 'hrnet_w32', scale_input='feat-pose', scale_hidden=(512,), flow_layers=6,
                         scalar_rule='official-pare-1'),
    'poco_hmr': Variant('poco_hmr', 'hmr', 'resnet50', scale_input='feat-pose', scale_hidden=(512,), flow_layers=6),
}
"""The structures of the released models (SPEC sections 1, 6, 7 and 13); of HMR none was released (SPEC B6)."""

POCO_LIFT = Variant('poco_lift', LIFT, LANDMARKS, scale_input='feat-net-pose', scalar_rule='reach-1', head_hidden=512,
                    encoder_width=512, encoder_blocks=3)
"""The structure of the lift that ships with the package. Its number for a body weighs a joint's sigma by how far the
joint moves the others: that foretells the error of a body better than any rule of the released networks."""
