"""``uncert.npz``: from sigma to the uncertainty that is reported."""

from __future__ import annotations

import numpy as np
import torch

from poco_ros.evaluation.parity.comparison import EXACT, GENERAL
from poco_ros.evaluation.parity.golden import Arrays, Context, GoldenFile, Input, Output
from poco_ros.evaluation.parity.rules import within
from poco_ros.networks.uncertainty import accumulate, body_uncertainty, clip_for_display, confident_enough, joint_sigma

_RULES = {'cliff': 'official-cliff-1', 'pare': 'official-pare-1'}
_KINEMATIC = {'kin': True, 'raw': False}
_VARIANTS = [(model, switch) for model in _RULES for switch in _KINEMATIC]
_OUTPUTS = ('perjoint', 'scalar', 'scalar_clipped')


def _compute(golden: Arrays, context: Context) -> Arrays:
    sigma = torch.from_numpy(golden['sigma'])
    computed = {
        'confident_idx_thr0.3': np.flatnonzero(confident_enough(sigma, 0.3).numpy()),
        'sigma9_perjoint_kin': accumulate(joint_sigma(torch.from_numpy(golden['sigma9']))).numpy(),
    }
    for model, switch in _VARIANTS:
        kinematic = _KINEMATIC[switch]
        scalar = body_uncertainty(sigma, _RULES[model], kinematic=kinematic)
        values = (accumulate(sigma) if kinematic else sigma, scalar, clip_for_display(scalar))
        computed |= {f'{model}_{switch}_{name}': value.numpy() for name, value in zip(_OUTPUTS, values, strict=True)}
    return computed


FILE = GoldenFile(
    'uncert.npz',
    inputs={
        'sigma': Input('float32', ('N', 24), within(0, 1)), 'sigma9': Input('float32', ('M', 24, 3, 3), within(0, 1)),
    },
    outputs={
        **{f'{model}_{switch}_{name}': Output(GENERAL) for model, switch in _VARIANTS for name in _OUTPUTS},
        'confident_idx_thr0.3': Output(EXACT, 'int64'), 'sigma9_perjoint_kin': Output(GENERAL),
    },
    compute=_compute,
)
