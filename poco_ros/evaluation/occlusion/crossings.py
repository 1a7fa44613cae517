"""Lets estimators watch a rendered sequence in which something passes before a person, and keeps the truth beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from poco_ros.camera import Camera
from poco_ros.evaluation.occlusion.watching import Estimator, Look, Watched, watch

if TYPE_CHECKING:
    from poco_ros.synth.crossing import Crossing, Shot  # needs numba, which a report without rendered people does not


@dataclass(frozen=True)
class Truth:
    """What is true of the T frames of a sequence.

    :param camera: of all frames.
    :param stamps_ns: (T,) int64.
    :param joints: (T, 24, 3) float64 metres, optical frame.
    :param covered: (T, 24) bool, which of them the thing covers.
    """

    camera: Camera
    stamps_ns: npt.NDArray[np.int64]
    joints: npt.NDArray[np.float64]
    covered: npt.NDArray[np.bool_]


def watch_crossing(
    crossing: Crossing, estimators: Mapping[str, Callable[[], Estimator]], tell: Callable[[], None] = lambda: None,
) -> tuple[Truth, dict[str, Watched]]:
    """Render a sequence and let estimators see it, with the thing and without.

    :param crossing: the sequence.
    :param estimators: make an estimator that has seen nothing; by name.
    :param tell: called after every frame.
    :returns: the truth, and what each estimator made of it.
    """
    shots: list[tuple[int, npt.NDArray[np.float32], npt.NDArray[np.bool_]]] = []

    def looks() -> Iterator[Look]:
        for shot in crossing.shots():
            shots.append(_without_pictures(shot))
            yield Look(shot.clear, shot.blocked)
            tell()

    watched = watch(looks(), estimators)
    stamps, joints, covered = (np.array(values) for values in zip(*shots, strict=True))
    return Truth(crossing.camera, stamps.astype(np.int64), joints.astype(np.float64), covered), watched


def _without_pictures(shot: Shot) -> tuple[int, npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    return shot.clear.stamp_ns, shot.joints, shot.covered
