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
FORMULATIONS = ('none', 'gauss', 'nflow', 'cond_scale', 'cond_bdf', 'poco')
SCALE_INPUTS = ('feat', 'feat-pose', 'feat-pose-net', 'feat-net-pose')
ACTIVATIONS = ('sigmoid', 'softplus', 'none')
MASKS = ('alter', 'new', 'old')
SCALAR_RULES = ('official-cliff-1', 'official-pare-1', 'paper-1')

_WITH_FLOW = ('nflow', 'cond_scale', 'cond_bdf', 'poco')
_COND_SCALE = ('cond_scale', 'poco')
_COND_BDF = ('cond_bdf', 'poco')


@dataclass(frozen=True)
class Variant:
    """Structure of one network; its weights fit no other.

    :param name: how users call it, e.g. 'poco_cliff'.
    :param regressor: 'hmr', 'pare' or 'cliff' (SPEC section 4).
    :param backbone: timm's name: 'hrnet_w48' (with its classification head's convolutions), 'hrnet_w32', 'resnet50', or
        for training any other that gives a feature map.
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

    def __post_init__(self) -> None:
        for field, choices in (
            ('regressor', REGRESSORS), ('formulation', FORMULATIONS), ('scale_input', SCALE_INPUTS),
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
