"""Deterministic weights for tests and demonstrations without any licensed file (SPEC section 15.1).

Each value is a pure function of a label and the entry's name, by the raw bits of PCG64, so that two programs that
share nothing but this rule hold the same network. The variances are such that activations stay of order one.
"""

from __future__ import annotations

import re
import zlib

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from poco_ros.errors import ConfigError
from poco_ros.networks.seeded_noise import unit_noise

_SQRT3 = 3.0**0.5
_CAMERA = (0.9, 0.0, 0.0)
_MEANS = {
    'head.init_pose': (24 * (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), 0.1),
    'head.init_shape': (10 * (0.0,), 0.1),
    'head.init_cam': (_CAMERA, 0.05),
}
_MASK = 'flow_head.flow.mask'


def mock_state(model: nn.Module, base: str = 'A') -> dict[str, Tensor]:
    """Return deterministic values for every entry of a network's state dict.

    :param model: a :class:`poco_ros.networks.model.PocoModel`; it is not changed.
    :param base: any label; another label gives other weights.
    :returns: what ``model.load_state_dict`` takes; the flow's mask, a constant, is the model's own.
    :raises ConfigError: when the network has an entry that the rule does not know.
    """
    state: dict[str, Tensor] = {}
    for name, entry in model.state_dict().items():
        if name == _MASK:
            state[name] = entry.clone()
        elif name.endswith('num_batches_tracked'):
            state[name] = torch.zeros_like(entry)
        else:
            values = _values(base, name, tuple(entry.shape))
            state[name] = torch.from_numpy(values.astype(np.float32))
    return state


def checksum(state: dict[str, Tensor]) -> int:
    """Return a checksum of weights that does not depend on their order, the flow's mask left out.

    :returns: the sum of the entries' CRC-32, each of name and bytes, modulo 2**32.
    """
    total = 0
    for name, entry in state.items():
        if name != _MASK:
            total += zlib.crc32(name.encode() + np.ascontiguousarray(entry.detach().cpu().numpy()).tobytes())
    return total & 0xFFFFFFFF


def _values(base: str, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """float64 values of one entry."""
    if name == 'head.temperature':
        return np.ones(shape)
    noise = unit_noise(base, name, shape)
    if name.endswith('running_mean'):
        return 0.05 * noise
    if name.endswith('running_var'):
        return 1 + 0.5 * (noise / _SQRT3)
    if name in _MEANS:
        mean, spread = _MEANS[name]
        return np.asarray(mean) + spread * noise
    if name.endswith('.bias'):
        return 0.05 * noise + (np.array(_CAMERA) if name == 'head.cam_mlp.bias' else 0.0)
    if not name.endswith('.weight'):
        raise ConfigError(f'the mock weights have no rule for the entry {name!r} of shape {shape}')
    return _weight(name, noise)


def _weight(name: str, noise: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shape = noise.shape
    if noise.ndim == 1:
        return _norm_gain(name) * (1 + 0.4 * (noise / _SQRT3))
    if noise.ndim == 2:
        return noise * (1 / shape[1]) ** 0.5 * _linear_gain(name)
    if noise.ndim == 4:
        # Filters that sum to zero, but for the first, which sees the image.
        filters = noise if shape[1] == 3 else noise - noise.mean(axis=(1, 2, 3), keepdims=True)
        return filters * (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
    if noise.ndim == 6:
        return noise * (1 / (shape[2] * shape[5])) ** 0.5
    raise ConfigError(f'the mock weights have no rule for the entry {name!r} of shape {shape}')


def _linear_gain(name: str) -> float:
    if re.fullmatch(r'head\.(dec(pose|shape|cam)|cam_mlp)\.weight', name):
        return 0.15
    if name.startswith('uncert_head.'):
        return 1.5
    return 0.7 if name.startswith('flow_head.flow.') else 1.0


def _norm_gain(name: str) -> float:
    if name.endswith('.bn2.weight'):
        return 0.3
    return 0.35 if '.fuse_layers.' in name else 0.9
