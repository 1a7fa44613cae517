"""What the benchmark can run: the stream of this package for many windows at once, plug-ins, and simple baselines."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from poco_ros.errors import ConfigError, PocoError
from poco_ros.evaluation.infill.metrics import from_matrix
from poco_ros.evaluation.infill.motion_file import FPS
from poco_ros.evaluation.infill.occlusion import Observation
from poco_ros.evaluation.infill.plugin import OFFLINE_LAG, measured
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.config import PAPER_UNCERTAINTY, LifeConfig, MotionConfig, Predictor, TemporalConfig
from poco_ros.temporal.stream import Output, TemporalStream

Array = npt.NDArray[np.float64]
_NS = 1_000_000_000


class Method(Protocol):
    """Fills the gaps of observed windows."""

    name: str
    uses_lag: bool

    def run(self, seen: Observation, lag: int | None) -> tuple[Array, Array]:
        """Return rotations (B, T, 24, 4) and pelvis (B, T, 3) of all frames.

        :param seen: B windows of T frames.
        :param lag: the output for a frame may use so many frames after it; None: all.
        :raises PocoError: when a frame comes late or not at all.
        """


class Raw:
    """No infilling."""

    name, uses_lag = 'raw', False

    def run(self, seen: Observation, lag: int | None) -> tuple[Array, Array]:
        """Return what was seen."""
        return seen.rotations, seen.pelvis


class Hold:
    """Repeats the last frame at or below a threshold of the uncertainty."""

    uses_lag = False

    def __init__(self, threshold: float = PAPER_UNCERTAINTY) -> None:
        self.name = f'hold (uncertainty > {threshold:g})'
        self._threshold = threshold

    def run(self, seen: Observation, lag: int | None) -> tuple[Array, Array]:
        """Return the last good frame of each frame."""
        good = seen.uncertainty <= self._threshold
        last = np.maximum.accumulate(np.where(good, np.arange(good.shape[1]), 0), axis=1)
        rows = np.arange(len(good))[:, None]
        return seen.rotations[rows, last], seen.pelvis[rows, last]


class StreamMethod:
    """The stream of this package; every window is a person.

    :param predictor: of unseen joints, as in :class:`MotionConfig`.
    :param steadying: as there.
    """

    uses_lag = True

    def __init__(self, predictor: Predictor = 'whole_body', steadying: float = 1.0) -> None:
        self.name = f'stream ({predictor})'
        self._motion = MotionConfig(predictor=predictor, steadying=steadying)

    def run(self, seen: Observation, lag: int | None) -> tuple[Array, Array]:
        """Return the infilled stream's output."""
        count, length = seen.uncertainty.shape
        config = TemporalConfig(motion=self._motion, life=LifeConfig(max_tracks=count))
        stream = TemporalStream(config, lag_frames=OFFLINE_LAG if lag is None else lag)
        matrices = quat.to_matrix(seen.rotations)
        ids = np.arange(1, count + 1, dtype=np.int32)
        collected = _Collected(count, length, lag)
        for t in range(length):
            bodies = measured(matrices[:, t], seen.pelvis[:, t], seen.uncertainty[:, t], ids)
            self._collect(stream.push(bodies, round(t / FPS * _NS)), t, collected)
        self._collect(Output(None, stream.flush()), length - 1, collected)
        return collected.checked(self.name)

    @staticmethod
    def _collect(output: Output, now: int, collected: _Collected) -> None:
        for frame in output.infilled:
            bodies = frame.bodies
            collected.put(round(frame.stamp_ns / _NS * FPS), now, quat.exp(bodies.pose.astype(np.float64)),
                          bodies.joints[:, 0].astype(np.float64), slice(None))


class PluginMethod:
    """A streaming implementation, window by window.

    ``make(lag, fps)`` gives an object with ``push(stamp_s, rotmats (24, 3, 3), trans (3,), unc)`` and ``flush()``,
    which return lists of ``(stamp_s, rotmats, trans, meta)``.

    :param make: the factory.
    :param name: for the table.
    """

    uses_lag = True

    def __init__(self, make: Callable[[int | None, float], Any], name: str) -> None:
        self.name = name
        self._make = make

    def run(self, seen: Observation, lag: int | None) -> tuple[Array, Array]:
        """Return the outputs of the plug-in."""
        count, length = seen.uncertainty.shape
        matrices = quat.to_matrix(seen.rotations)
        collected = _Collected(count, length, lag)
        for b in range(count):
            filler = self._make(lag, FPS)
            for t in range(length):
                self._collect(filler.push(
                    t / FPS, matrices[b, t], seen.pelvis[b, t], float(seen.uncertainty[b, t])), t, collected, b)
            self._collect(filler.flush(), length - 1, collected, b)
        return collected.checked(self.name)

    @staticmethod
    def _collect(results: list[Any], now: int, collected: _Collected, row: int) -> None:
        for stamp, rotmats, trans, _ in results:
            collected.put(round(stamp * FPS), now, from_matrix(np.asarray(rotmats, np.float64)), trans, row)


class _Collected:
    """Outputs of a stream, and when each came."""

    def __init__(self, count: int, length: int, lag: int | None) -> None:
        self._rotations, self._pelvis = np.full((count, length, 24, 4), np.nan), np.full((count, length, 3), np.nan)
        self._came = np.full((count, length), -1)
        self._lag = lag

    def put(self, frame: int, now: int, rotations: Array, pelvis: Array, row: int | slice) -> None:
        if np.all(self._came[row, frame] < 0):
            self._rotations[row, frame], self._pelvis[row, frame], self._came[row, frame] = rotations, pelvis, now

    def checked(self, name: str) -> tuple[Array, Array]:
        if (self._came < 0).any():
            raise PocoError(f'{name}: frames never came: {np.unique(np.nonzero(self._came < 0)[1])[:5].tolist()}')
        late = self._came - np.arange(self._came.shape[1])
        if self._lag is not None and late.max() > self._lag:
            frames = np.unique(np.nonzero(late > self._lag)[1])[:5].tolist()
            raise PocoError(f'{name}: frames later than lag {self._lag}: {frames}')
        return self._rotations, self._pelvis


def load_plugin(name: str) -> PluginMethod:
    """Return the method of a plug-in.

    :param name: as ``module:factory``; modules in the working directory are found too.
    :raises ConfigError: when there is no such module or factory.
    """
    module_name, _, factory = name.partition(':')
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return PluginMethod(getattr(importlib.import_module(module_name), factory), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f'plug-in {name!r} must be given as module:factory and be importable ({error})') from error
