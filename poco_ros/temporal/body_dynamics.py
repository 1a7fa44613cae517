"""Predicts joints that are not seen from the motion of the whole body, by one learned linear step, time and again.

The state of a body is the rate of 22 joint rotations and of the pelvis position, and, for each, by how much its mean
over the recent past differs from where it is now, for several lengths of the past: where a swinging limb is in its
swing. All in the axes of the joint itself, so that the prediction does not know which way is up or north. The next
rates are a linear function of that state; the matrix was fitted to motion capture, over many steps at once, by
``poco fit-body-dynamics``.
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

Array = npt.NDArray[np.float64]

COLUMNS = np.r_[0:22, 24]
"""The columns of the filter that are predicted: all rotations but those of the hands, and the position."""

_MEND = 'make it with "poco fit-body-dynamics"'


@dataclass(frozen=True, eq=False)
class BodyDynamics:
    """The fitted matrix and what belongs to it.

    :param matrix: ((1 + K) * 69, 69), from (rates, means over K lengths of past) to the rates after 1/30 s.
    :param forgetting: (K,) lengths of the past, as time constants in units of 1/30 s, above 1.
    :param provenance: command, data, licence and settings of the fit.
    """

    matrix: Array
    forgetting: Array
    provenance: dict[str, Any]

    @property
    def memory(self) -> int:
        """K, how many means over the past the state has."""
        return len(self.forgetting)

    def predict(self, rate: Array, past: Array, frames: float) -> tuple[Array, Array]:
        """Step over a time in which nothing is seen.

        :param rate: (N, 25, 3) rates in body axes per 1/30 s.
        :param past: (N, K, 25, 3) means over the past, relative to now, in body axes.
        :param frames: the time, in units of 1/30 s.
        :returns: displacement and next rate of the columns :data:`COLUMNS`, each (N, 23, 3).
        """
        steps = max(1, round(frames))
        size = frames / steps
        state = np.concatenate([rate[:, None], past], 1)[:, :, COLUMNS]
        moved = np.zeros_like(state[:, 0])
        for _ in range(steps):
            target = (state.reshape(len(rate), -1) @ self.matrix).reshape(moved.shape)
            state[:, 0] += size * (target - state[:, 0])
            move = size * state[:, 0]
            state[:, 1:] = self.forget(state[:, 1:], move, size)
            moved += move
        return moved, state[:, 0]

    def forget(self, past: Array, move: Array, frames: float) -> Array:
        """Return the means over the past after a displacement, and after some of the past has faded."""
        kept = (1 - 1 / self.forgetting) ** frames
        return np.asarray(kept[:, None, None] * (past - move[:, None]))

    def save(self, path: Path) -> None:
        """Write the file that :func:`load_body_dynamics` reads."""
        np.savez(path, matrix=self.matrix.astype(np.float32), forgetting=self.forgetting,
                 provenance=json.dumps(self.provenance))


def load_body_dynamics(path: Path) -> BodyDynamics:
    """Load a fitted matrix.

    :raises ModelFileError: when the file is missing or is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            matrix, forgetting = file['matrix'].astype(np.float64), file['forgetting'].astype(np.float64)
            provenance = json.loads(str(file['provenance']))
    except OSError as error:
        raise ModelFileError(f'cannot read the body dynamics {path}: {error}') from error
    except (ValueError, KeyError) as error:
        raise ModelFileError(f'{path} holds no body dynamics ({error}); {_MEND}') from error
    size = 3 * len(COLUMNS)
    if matrix.shape != ((1 + len(forgetting)) * size, size) or not np.isfinite(matrix).all():
        raise ModelFileError(f'{path}: a matrix of shape {matrix.shape} does not fit; {_MEND}')
    return BodyDynamics(matrix, forgetting, provenance)


@lru_cache(maxsize=1)
def shipped_body_dynamics() -> BodyDynamics:
    """Return the matrix that comes with the package."""
    with resources.as_file(resources.files('poco_ros.temporal') / 'data' / 'body_dynamics.npz') as path:
        return load_body_dynamics(path)
