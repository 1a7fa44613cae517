"""Draws estimates back to where a joint has been over the last second, as far as it is likely not to have left it.

A regressor is not only jittery: its errors also wander, over a good part of a second, which no filter on rates can tell
from motion. Joints that move little, as those of the spine, wander more than they move; for those the mean over the
past is the better witness. How much each joint is drawn was fitted to motion capture (``poco fit-steadying``). What is
farther off than errors usually are is motion, and is left alone; so is everything that comes from a steady sensor.

The filter itself is not touched, only what is read from it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.errors import ModelFileError
from poco_ros.temporal.quaternions import squared
from poco_ros.types import NUM_JOINTS

Array = npt.NDArray[np.float64]

#: At this angle half of the pull is left, and less and less beyond.
_LARGEST_RAD = np.radians(3.0)


_MEND = 'make it with "poco fit-steadying"'


@dataclass(frozen=True, eq=False)
class SteadyingLaw:
    """How much each joint is drawn.

    :param forgetting: (K,) lengths of the past, as time constants in units of 1/30 s.
    :param gain: (K, 24) part of the mean over each by which a joint is drawn.
    :param provenance: command, data and licence of the fit.
    """

    forgetting: Array
    gain: Array
    provenance: dict[str, Any]

    def for_means(self, forgetting: Array) -> Array:
        """Return the gains for a filter that has means over these lengths, (len(forgetting), 25); the last is 0.

        :raises ModelFileError: when it lacks one of the lengths.
        """
        out = np.zeros((len(forgetting), NUM_JOINTS + 1))
        for length, gain in zip(self.forgetting, self.gain, strict=True):
            same = np.flatnonzero(np.isclose(forgetting, length))
            if not len(same):
                raise ModelFileError(f'steadying needs a mean over {length:g} frames, and the body dynamics have '
                                     f'{forgetting.tolist()}; {_MEND}')
            out[same[0], :NUM_JOINTS] = gain
        return out

    def save(self, path: Path) -> None:
        """Write the file that :func:`load_steadying` reads."""
        plain = {'forgetting': self.forgetting.tolist(), 'gain': np.round(self.gain, 4).tolist(),
                 'provenance': self.provenance}
        path.write_text(json.dumps(plain, indent=1) + '\n', encoding='utf-8')


def load_steadying(path: Path) -> SteadyingLaw:
    """Load a fitted law.

    :raises ModelFileError: when the file is missing or is no such file.
    """
    try:
        plain = json.loads(path.read_text(encoding='utf-8'))
        law = SteadyingLaw(np.array(plain['forgetting'], np.float64), np.array(plain['gain'], np.float64),
                           dict(plain['provenance']))
    except OSError as error:
        raise ModelFileError(f'cannot read {path}: {error.strerror}') from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f'{path} does not say how to steady ({error!r}); {_MEND}') from error
    if law.gain.shape != (len(law.forgetting), NUM_JOINTS) or not np.isfinite(law.gain).all():
        raise ModelFileError(f'{path}: gains of shape {law.gain.shape} do not fit; {_MEND}')
    return law


@lru_cache(maxsize=1)
def shipped_steadying() -> SteadyingLaw:
    """Return the law that comes with the package."""
    with resources.as_file(resources.files('poco_ros.temporal') / 'data' / 'steadying.json') as path:
        return load_steadying(path)


class Steadying:
    """What each of S slots would be drawn by, for each frame of a ring.

    :param gain: (K, 25) part of each mean over the past by which a column is drawn.
    :param depth: frames of the ring.
    """

    def __init__(self, gain: Array, depth: int) -> None:
        self._gain = gain
        self._together = gain.sum(axis=0)[:, None]
        self._depth = depth
        self._wanted: Array = np.zeros((depth, 0, gain.shape[1], 3))
        self._strength: Array = np.zeros((depth, 0, 1))

    def grow(self, slots: int) -> None:
        """Make room for more people; those there keep their slots."""
        wanted, strength = self._wanted, self._strength
        self._wanted = np.zeros((self._depth, slots, *wanted.shape[2:]))
        self._strength = np.zeros((self._depth, slots, 1))
        self._wanted[:, :wanted.shape[1]], self._strength[:, :wanted.shape[1]] = wanted, strength

    def keep(self, frame: int, past: Array, strength: Array) -> None:
        """Take in what is known when a frame is buffered.

        :param frame: its place in the ring.
        :param past: (S, K, 25, 3) means over the past, relative to the estimate.
        :param strength: (S,) in [0, 1], less for a steadier sensor.
        """
        self._wanted[frame] = np.einsum('skji,kj->sji', past, self._gain)
        self._strength[frame] = strength[:, None]

    def applied(self, frames: int | list[int], correction: Array) -> Array:
        """Return by what buffered estimates are to be moved.

        :param frames: the place of one frame in the ring, or those of F.
        :param correction: (S, 25, 3) or (F, S, 25, 3) what later frames have corrected; the past lies the farther back
            for it.
        :returns: of the same shape, correction included.
        """
        wanted = self._wanted[frames] - self._together * correction
        share = self._strength[frames] / (1 + squared(wanted) / _LARGEST_RAD ** 2)
        return np.asarray(correction + share[..., None] * wanted)
