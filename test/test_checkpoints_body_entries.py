"""The body model in a checkpoint becomes a file that is read like the original one, if its owner asks."""

import numpy as np
import pytest
import torch

from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.body_entries import keep_body
from poco_ros.checkpoints.mock import mock_body_entries
from poco_ros.checkpoints.safe_load import StoredTensor
from poco_ros.errors import CheckpointError

torch.set_num_threads(1)


def stored(tensors):
    return {name: StoredTensor(tuple(t.shape), str(t.dtype).removeprefix('torch.'), lambda t=t: t)
            for name, t in tensors.items()}


@pytest.fixture(scope='module')
def tensors():
    return mock_body_entries()


@pytest.mark.parametrize('prefix', ['smpl.smpl.', 'smpl.'])
def test_the_body_is_the_same_model(tmp_path, tensors, prefix):
    tensors = {prefix + name.removeprefix('smpl.smpl.'): tensor for name, tensor in tensors.items()}
    path = tmp_path / 'SMPL_NEUTRAL.npz'
    keep_body(stored(tensors), path)
    body = load_body_model(path)
    assert body.name == 'smpl_neutral' and [p.name for p in tmp_path.iterdir()] == ['SMPL_NEUTRAL.npz']
    for own, name in (('v_template', 'v_template'), ('shapedirs', 'shapedirs'), ('J_regressor', 'J_regressor'),
                      ('weights', 'lbs_weights'), ('faces', 'faces_tensor')):
        np.testing.assert_array_equal(getattr(body, own), tensors[prefix + name].numpy())
    # What a pose feature moves is what the released programs compute: features (207) times the stored matrix.
    features = np.random.default_rng(1).standard_normal(207)
    moved = (features @ tensors[prefix + 'posedirs'].double().numpy()).reshape(6890, 3)
    np.testing.assert_allclose(body.posedirs.astype(float) @ features, moved, atol=1e-6)


def test_half_precision(tmp_path, tensors):
    halves = {n: t.bfloat16() if t.is_floating_point() and 'weights' not in n else t for n, t in tensors.items()}
    keep_body(stored(halves), tmp_path / 'body.npz')
    assert load_body_model(tmp_path / 'body.npz').v_template.dtype == np.float32


@pytest.mark.parametrize(('change', 'message'), [
    (lambda t: t.clear(), "'smpl.v_template' is not there; leave --keep-smpl out"),
    (lambda t: t.pop('smpl.smpl.parents'), "'smpl.parents' is not there"),
    (lambda t: t.update({'smpl.smpl.v_template': torch.zeros(10475, 3)}), r'shape \(10475, 3\), not \(6890, 3\)'),
    (lambda t: t.update({'smpl.smpl.lbs_weights': torch.ones(6890, 24)}), "not usable: .*'weights' of a vertex"),
    (lambda t: t.update({'smpl.smpl.v_template': torch.full((6890, 3), torch.nan)}), 'holds NaN'),
    (lambda t: t.update({'smpl.smpl.parents': torch.arange(24)}), "SMPL's tree"),
])
def test_what_is_no_body_is_not_written(tmp_path, tensors, change, message):
    tensors = dict(tensors)
    change(tensors)
    with pytest.raises(CheckpointError, match=message):
        keep_body(stored(tensors), tmp_path / 'body.npz')
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written(tmp_path, tensors):
    with pytest.raises(CheckpointError, match=r'cannot be written to .*body\.npz: No such file'):
        keep_body(stored(tensors), tmp_path / 'missing' / 'body.npz')
