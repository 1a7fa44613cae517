"""``flow.npz``: the coupling layers alone, of both depths, and all kinds of masks."""

from __future__ import annotations

import copy

import torch

from poco_ros.evaluation.parity.comparison import EXACT, GENERAL, LOG_PHI, Array
from poco_ros.evaluation.parity.golden import Arrays, Context, GoldenFile, Input, Output
from poco_ros.evaluation.parity.weights import filled
from poco_ros.networks.flow import ROTATION_SIZE, ErrorFlow, RealNVP, coupling_masks
from poco_ros.networks.variants import OFFICIAL

_FLOWS = {'cliff': OFFICIAL['poco_cliff'], 'pare': OFFICIAL['poco_pare']}
#: Kind, size and coupling layers of the masks, by name: the name counts pairs of layers.
_MASKS = {
    'mask_alter_9_1': ('alter', 9, 2), 'mask_new_9_1': ('new', 9, 2), 'mask_old_9_1': ('old', 9, 2),
    'mask_alter_24_2': ('alter', 24, 4),
}


def _density(flow: RealNVP, x: Array, context: Array) -> Arrays:
    data, given = torch.from_numpy(x), torch.from_numpy(context)
    exact = copy.deepcopy(flow).double()
    with torch.no_grad():
        z, log_determinant = flow(data, given)
        values = {
            'z': z, 'logdet': log_determinant, 'logprob': flow.log_prob(data, given),
            'x_reconstructed': flow.inverse(z, given), 'mask': flow.mask,
            'logprob_f64': exact.log_prob(data.double(), given.double()),
        }
    return {name: value.numpy() for name, value in values.items()}


def _compute(golden: Arrays, context: Context) -> Arrays:
    computed = {name: coupling_masks(*what).numpy() for name, what in _MASKS.items()}
    for model, variant in _FLOWS.items():
        head = ErrorFlow(1, layers=variant.flow_layers, mask=variant.flow_mask, context_size=variant.flow_context)
        values = _density(filled(head, 'flow_head', context.base).flow, golden[f'{model}_x'], golden[f'{model}_cond'])
        computed |= {f'{model}_{name}': value for name, value in values.items()}
    return computed


FILE = GoldenFile(
    'flow.npz',
    inputs={
        f'{model}_{name}': Input('float32', (f'N {model}', size))
        for model, variant in _FLOWS.items() for name, size in (('x', ROTATION_SIZE), ('cond', variant.flow_context))
    },
    outputs={
        **{name: Output(EXACT) for name in (*_MASKS, *(f'{model}_mask' for model in _FLOWS))},
        **{f'{model}_{name}': Output(GENERAL) for model in _FLOWS for name in ('z', 'logdet', 'x_reconstructed')},
        **{f'{model}_logprob': Output(LOG_PHI) for model in _FLOWS},
        **{f'{model}_logprob_f64': Output(LOG_PHI, 'float64') for model in _FLOWS},
    },
    compute=_compute,
)
