"""Noise that is a pure function of a label and a name (SPEC section 15.1): the same on every machine, for ever."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt


def uniform(label: str, name: str, count: int) -> npt.NDArray[np.float64]:
    """Return (count,) float64 numbers in [0, 1)."""
    # Only the bit stream: NumPy promises that it stays, which it does not of its distributions.
    raw = np.random.PCG64(zlib.crc32(f'{label}/{name}'.encode())).random_raw(count)
    return (np.asarray(raw, np.uint64).reshape(-1) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def unit_noise(label: str, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Return float64 uniform noise of zero mean and unit variance, in [-sqrt(3), sqrt(3))."""
    noise: npt.NDArray[np.float64] = 3.0**0.5 * (2 * uniform(label, name, int(np.prod(shape))) - 1)
    return noise.reshape(shape)
