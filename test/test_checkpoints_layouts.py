"""The network's entries are found in every layout, and what is none is told."""

import pytest
import torch

from poco_ros.checkpoints.layouts import sort_entries
from poco_ros.checkpoints.safe_load import StoredTensor
from poco_ros.checkpoints.unpickler import StandIn
from poco_ros.errors import CheckpointError


def entry(value=0.0):
    return StoredTensor((), 'float32', lambda: torch.tensor(value))


STATE = {'backbone.a': entry(), 'head.b': entry(), 'uncert_head.c': entry(), 'flow_head.d': entry()}
BODY = {'smpl.smpl.betas': entry()}


def prefixed(state):
    return {f'model.{name}': value for name, value in state.items()}


@pytest.mark.parametrize('prefix', [False, True])
@pytest.mark.parametrize(('wrap', 'layout'), [
    (lambda state: state, 'at the top'), (lambda state: {'model': state, 'epoch': 3}, "under 'model'"),
    (lambda state: {'state_dict': state, 'epoch': 3}, "under 'state_dict'"),
    (lambda state: {'model': {'state_dict': state}}, "under 'model/state_dict'"),
])
def test_all_layouts(wrap, layout, prefix):
    state = STATE | BODY
    entries = sort_entries(wrap(prefixed(state) if prefix else state))
    assert entries.network == STATE and entries.body == BODY and entries.outside == ()
    assert entries.layout == layout + (", names start with 'model.'" if prefix else '')


def test_what_lies_beside_a_prefixed_network_is_the_trainers():
    entries = sort_entries({'state_dict': prefixed(STATE) | {'loss.weight': entry(), 'smpl_male.betas': entry()}})
    assert entries.network == STATE and entries.outside == ('loss.weight', 'smpl_male.betas')


def test_without_a_prefix_nothing_is_the_trainers():
    entries = sort_entries(STATE | {'loss.weight': entry()})
    assert 'loss.weight' in entries.network and entries.outside == ()


def stand_in(original):
    return type('StandIn', (StandIn,), {'original': original})()


@pytest.mark.parametrize(('tree', 'message'), [
    (5, 'at the top is a int'), ({'model': [1]}, "under 'model' is a list"), ({}, 'no entries of a POCO .*nothing'),
    (stand_in('poco.models.POCO'), r'whole object of class poco\.models\.POCO.*state_dict\(\)'),
    ({'model': stand_in('poco.models.POCO')}, "under 'model' is a whole object"),
    ({'fc.weight': entry(), 'conv.weight': entry()}, "no entries of a POCO network.*'conv.weight', 'fc.weight'"),
    (STATE | {'head.list': [1.0]}, "'head.list' is a list, not a tensor"),
    (STATE | {'head.x': stand_in('numpy.ndarray')}, r"'head.x' is a numpy\.ndarray, not a tensor"),
    (STATE | prefixed({'head.b': entry()}), "'head.b' is there twice"),
    ({'head.a': entry(), 'model': 3}, "under 'model' is a int"),
])
def test_what_holds_no_network(tree, message):
    with pytest.raises(CheckpointError, match=message):
        sort_entries(tree)
