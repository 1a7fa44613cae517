"""``one_euro.npz``: the published demo's smoothing of rotation matrices over 30 frames."""

from __future__ import annotations

import numpy as np

from poco_ros.evaluation.one_euro import OneEuroFilter
from poco_ros.evaluation.parity.comparison import GENERAL
from poco_ros.evaluation.parity.golden import Arrays, Context, GoldenFile, Input, Output

#: min_cutoff and beta of each output.
_SETTINGS = {'out_mc0.004_b1.5': (0.004, 1.5), 'out_mc0.004_b0.7': (0.004, 0.7), 'out_mc1.0_b0.0': (1.0, 0.0)}


def _compute(golden: Arrays, context: Context) -> Arrays:
    frames = golden['rotmats_in']
    filters = {name: OneEuroFilter(*setting) for name, setting in _SETTINGS.items()}
    return {name: np.array([smooth(frame) for frame in frames]) for name, smooth in filters.items()}


FILE = GoldenFile(
    'one_euro.npz',
    inputs={'rotmats_in': Input('float32', ('T', 24, 3, 3))},
    outputs={name: Output(GENERAL) for name in _SETTINGS},
    compute=_compute,
    note='these are means of rotations entry by entry, no rotations: the general limit holds',
)
