"""People of the test split of the data that the shipped regressors were calibrated on, each of another sequence: what
the real BlazePose saw of them, where their joints truly were, and what each regressor said when it was calibrated.
``scripts/keep_shipped_people.py`` chose them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from poco_ros.calibration.calibrator import Calibrator
from poco_ros.camera import Camera
from poco_ros.regressors.base import Regressor
from poco_ros.types import Bodies, Boxes, Frame, Landmarks, People

Kept = Mapping[str, np.ndarray]


@functools.cache
def kept() -> Kept:
    with np.load(Path(__file__).with_suffix('.npz')) as file:
        return dict(file)


def bodies_of(regressor: Regressor, calibrator: Calibrator) -> Bodies:
    """Everybody through a regressor and its calibration, each with a camera of his own."""
    arrays, done = kept(), []
    for row, (fx, fy, cx, cy) in enumerate(arrays['intrinsics'].astype(float)):
        width, height = arrays['image_size'][row].astype(int)
        one = slice(row, row + 1)
        landmarks = Landmarks(**{name.removeprefix('landmarks_'): values[one] for name, values in arrays.items()
                                 if name.startswith('landmarks_')})
        boxes = Boxes(np.array([[0, 0, 10, 10]], np.float32), np.ones(1, np.float32), np.ones(1, np.int32))
        people = People(boxes, landmarks, arrays['features'][one].astype(np.float32),
                        arrays['local_features'][one].astype(np.float32))
        frame = Frame(np.zeros((height, width, 3), np.uint8), Camera(width, height, fx, fy, cx, cy))
        bodies, evidence = regressor.regress_with_evidence(frame, people)
        done.append(calibrator.apply(bodies, evidence.seen, evidence.features))
    return Bodies(**{name: np.concatenate([getattr(one, name) for one in done]) for name in vars(done[0])})


def errors_mm(bodies: Bodies) -> np.ndarray:
    """(S, 24) distances of the joints from the truth, with the pelvises put together."""
    moved, true = (joints - joints[:, :1] for joints in (bodies.joints, kept()['true_joints']))
    return 1e3 * np.linalg.norm(moved - true, axis=-1)
