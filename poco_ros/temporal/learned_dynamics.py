"""Predicts joints that are not seen by a small network, run by OpenVINO; made by ``poco fit-learned-dynamics``.

Beside what :class:`poco_ros.temporal.body_dynamics.BodyDynamics` knows, the network sees how the body is bent. Its
output is linear in the state but for gates, which the pose and the state open and close: with rates and means of zero
it is zero, whatever the pose, so that who stands still stays still.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.engine.base import Engine
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.errors import EngineError, ModelFileError
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.dynamics import COLUMNS, Dynamics

Array = npt.NDArray[np.float64]

POSED = slice(1, 22)
"""The joints whose local rotations the network sees: all but the pelvis and the hands."""
STATE, POSE, RATE = 'state', 'pose', 'rate'
"""The graph's inputs, (N, (1 + K) * 69) and (N, 126) float32, and its output, (N, 69) float32; any N."""

_MEND = 'make it with "poco fit-learned-dynamics"'
_RATES = 3 * len(COLUMNS)
_POSE = 6 * (POSED.stop - POSED.start)


class LearnedDynamics(Dynamics):
    """The network and what belongs to it. May be used from several threads.

    :param engine: that runs the graph, with inputs and output as :data:`STATE` and the names beside it say.
    :param forgetting: (K,) lengths of the past, as time constants in units of 1/30 s, above 1.
    :param provenance: command, data, licence and settings of the training.
    """

    def __init__(self, engine: Engine, forgetting: Array, provenance: dict[str, Any]) -> None:
        super().__init__(forgetting, provenance)
        self._engine = engine
        self._lock = Lock()

    def next_rate(self, state: Array, rotations: Array) -> Array:
        """Return the rates after 1/30 s."""
        count = len(state)
        # The engine prepares itself anew for each number of rows it has not met: a power of two keeps those few.
        rows = 1 << (count - 1).bit_length()
        of_state, of_pose = np.zeros((rows, state[0].size), np.float32), np.zeros((rows, _POSE), np.float32)
        of_state[:count] = state.reshape(count, -1)
        of_pose[:count] = pose_features(rotations)
        with self._lock:
            rate = self._engine({STATE: of_state, POSE: of_pose})[RATE]
        return rate[:count].astype(np.float64).reshape(count, len(COLUMNS), 3)


def pose_features(rotations: Array) -> Array:
    """Return what the network sees of poses: the first two columns of rotation matrices, (N, 126), in [-1, 1].

    :param rotations: (N, 24, 4) local rotations.
    """
    return np.ascontiguousarray(quat.to_matrix(rotations[:, POSED])[..., :2]).reshape(len(rotations), _POSE)


def record_path(path: Path) -> Path:
    """Return the file beside a graph that says where it comes from."""
    return path.with_suffix('.json')


def load_learned_dynamics(path: Path) -> LearnedDynamics:
    """Load a network.

    :param path: of the graph (.onnx); its record (.json) lies beside it.
    :raises ModelFileError: when one of the files is missing or broken, or they do not belong together.
    """
    try:
        record = json.loads(record_path(path).read_text(encoding='utf-8'))
        forgetting, digest = np.array(record['forgetting'], np.float64), str(record['sha256'])
        provenance = dict(record['provenance'])
    except OSError as error:
        raise ModelFileError(f'cannot read {record_path(path)}: {error.strerror}; {_MEND}') from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f'{record_path(path)} is no record of learned dynamics ({error!r}); {_MEND}') from error
    try:
        engine = OpenVinoEngine(path)
    except EngineError as error:
        raise ModelFileError(f'learned dynamics: {error}; {_MEND}') from error
    if engine.info.graph_sha256 != digest:
        raise ModelFileError(f'{path} is not the graph that {record_path(path).name} describes; {_MEND}')
    sizes = {spec.name: spec.shape[1:] for spec in (*engine.inputs, *engine.outputs)}
    if sizes != {STATE: ((1 + len(forgetting)) * _RATES,), POSE: (_POSE,), RATE: (_RATES,)}:
        raise ModelFileError(f'{path}: inputs and outputs {sizes} do not fit; {_MEND}')
    return LearnedDynamics(engine, forgetting, provenance)


@lru_cache(maxsize=1)
def shipped_learned_dynamics() -> LearnedDynamics:
    """Return the network that comes with the package.

    :raises ModelFileError: when it cannot be loaded, as without OpenVINO.
    """
    with resources.as_file(resources.files('poco_ros.temporal') / 'data' / 'learned_dynamics.onnx') as path:
        return load_learned_dynamics(path)
