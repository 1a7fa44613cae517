"""The normalising flow that learns what pose errors look like: a RealNVP, conditional or not (SPEC section 7).

It is used in training alone; inference never runs it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from poco_ros.errors import ConfigError

ROTATION_SIZE = 9
_HIDDEN = 64
_SLOPE = 0.01


def coupling_masks(kind: str, size: int, layers: int) -> Tensor:
    """Return which variables each coupling layer leaves as they are (1) and which it transforms (0).

    With an even size the two 'alter' masks are the same, so that half of the variables are never transformed: so it is
    in the released code, and so it is here. The size of a rotation matrix, 9, is odd; for an even one use 'new'.

    :param kind: 'alter' (0, 1, 0, ... and 1, 0, 1, ...), 'new' (the first half, rounded down, zero; then the reverse)
        or 'old' (the first half, rounded up, zero; then the reverse).
    :param size: number of variables.
    :param layers: number of coupling layers, even.
    :returns: (layers, size) float32 of 0 and 1.
    :raises ConfigError: when the kind is unknown or the number of layers odd or not positive.
    """
    if layers < 2 or layers % 2:
        raise ConfigError(f'a flow needs an even number of coupling layers, at least 2, got {layers}')
    if kind == 'alter':
        # One alternating sequence cut in two.
        pair = (torch.arange(2 * size) % 2).reshape(2, size)
    elif kind in ('new', 'old'):
        zeros = size // 2 if kind == 'new' else (size + 1) // 2
        half = (torch.arange(size) >= zeros).long()
        pair = torch.stack([half, half.flip(0)])
    else:
        raise ConfigError(f"a flow's mask must be 'alter', 'new' or 'old', got {kind!r}")
    return pair.repeat(layers // 2, 1).float()


class RealNVP(nn.Module):  # type: ignore[misc]
    """Affine coupling layers, each given a context vector beside the variables it leaves alone.

    :ivar mask: (layers, size) float32, see :func:`coupling_masks`.
    """

    mask: Tensor

    def __init__(self, masks: Tensor, context_size: int = 0) -> None:
        """Build it with random weights.

        :param masks: (layers, size), see :func:`coupling_masks`.
        :param context_size: size of the context; 0 for an unconditional flow.
        """
        super().__init__()
        size = masks.shape[1]
        self.register_buffer('mask', masks)
        self.t = nn.ModuleList(_perceptron(size, context_size) for _ in masks)
        self.s = nn.ModuleList(_perceptron(size, context_size).append(nn.Tanh()) for _ in masks)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """From data to the base distribution.

        :param x: (M, size), or with more leading dimensions.
        :param context: (M, context_size), unless the flow is unconditional; its leading dimensions may be of size 1
            where those of x share a context, which then passes the networks once.
        :returns: z (M, size) and the logarithm of the absolute Jacobian determinant of z by x, (M,).
        """
        z, log_determinant = x, x.new_zeros(x.shape[:-1])
        for layer in reversed(range(len(self.mask))):
            scale, shift = self._scale_and_shift(layer, z, context)
            mask = self.mask[layer]
            z = mask * z + (1 - mask) * (z - shift) * torch.exp(-scale)
            log_determinant = log_determinant - scale.sum(dim=-1)
        return z, log_determinant

    def inverse(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """From the base distribution to data, the inverse of :meth:`forward`.

        :param z: (M, size).
        :param context: (M, context_size), unless the flow is unconditional.
        :returns: (M, size).
        """
        x = z
        for layer in range(len(self.mask)):
            scale, shift = self._scale_and_shift(layer, x, context)
            mask = self.mask[layer]
            x = mask * x + (1 - mask) * (x * torch.exp(scale) + shift)
        return x

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Logarithm of the density of data.

        :param x: as of :meth:`forward`.
        :param context: as of :meth:`forward`.
        :returns: (M,).
        """
        z, log_determinant = self.forward(x, context)
        base = -0.5 * (z * z).sum(dim=-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)
        return base + log_determinant

    def sample(self, count: int, context: Tensor | None = None) -> Tensor:
        """Draw data with torch's global generator.

        :param count: how many, M.
        :param context: (M, context_size), unless the flow is unconditional.
        :returns: (M, size).
        """
        return self.inverse(torch.randn(count, self.mask.shape[1]).to(self.mask), context)

    def _scale_and_shift(self, layer: int, values: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        mask = self.mask[layer]
        known = mask * values
        scale, shift = (_applied(network[layer], known, context) for network in (self.s, self.t))
        return scale * (1 - mask), shift * (1 - mask)


def _applied(network: Any, known: Tensor, context: Tensor | None) -> Tensor:
    """The output of a perceptron for the variables and the context side by side, a shared context not repeated."""
    if context is None:
        return network(known)
    first = network[0]
    size = known.shape[-1]
    hidden = nn.functional.linear(known, first.weight[:, :size])
    hidden = hidden + nn.functional.linear(context, first.weight[:, size:], first.bias)
    return network[1:](hidden)


def _perceptron(size: int, context_size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(size + context_size, _HIDDEN), nn.LeakyReLU(_SLOPE),
        nn.Linear(_HIDDEN, _HIDDEN), nn.LeakyReLU(_SLOPE),
        nn.Linear(_HIDDEN, size),
    )  # fmt: skip


class ErrorFlow(nn.Module):  # type: ignore[misc]
    """The density of the 24 joints' errors in units of their sigma: one flow for all joints of all people.

    Conditional (paper's Cond-bDF): the context is one linear layer of the image feature, the same for all joints of a
    person.
    """

    def __init__(self, num_features: int, *, layers: int, mask: str = 'alter', context_size: int = 0) -> None:
        """Build it with random weights.

        :param num_features: size of the image feature.
        :param layers: coupling layers, even.
        :param mask: 'alter', 'new' or 'old'.
        :param context_size: size of the context; 0 for an unconditional flow.
        """
        super().__init__()
        self.cond_layer = nn.Linear(num_features, context_size) if context_size else None
        self.flow = RealNVP(coupling_masks(mask, ROTATION_SIZE, layers), context_size)

    def context(self, features: Tensor) -> Tensor | None:
        """Return the context of each person, or None when the flow is unconditional.

        :param features: (N, num_features).
        :returns: (N, context_size).
        """
        return None if self.cond_layer is None else self.cond_layer(features)

    def forward(self, features: Tensor, errors: Tensor) -> Tensor:
        """Return the log density of each joint's error.

        :param features: (N, num_features).
        :param errors: (N, 24, 9), each entry of the rotation matrix's error divided by sigma (row-major).
        :returns: (N, 24).
        """
        context = self.context(features)
        return self.flow.log_prob(errors, None if context is None else context[:, None])
