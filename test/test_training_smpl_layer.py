"""The body as a layer, against the numpy body model, the reference data and smplx."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from body_arrays import small_body, synthetic_body
from scipy.spatial.transform import Rotation
from training_goldens import body_model, golden, synthetic_layer, tensor

from poco_ros.errors import BodyModelError
from poco_ros.training.smpl_layer import SmplLayer

# smplx may not be used at run time, so it lives in an environment of its own.
ORACLE = Path('/tmp/venv-oracle/bin/python')


def random_bodies(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rotmats = Rotation.random(24 * n, random_state=seed).as_matrix().reshape(n, 24, 3, 3)
    return rotmats, np.random.default_rng(seed).normal(size=(n, 10))


@pytest.mark.parametrize('changes', [{}, {'posedirs': None}], ids=['pose correctives', 'none'])
def test_is_the_numpy_body(changes):
    body = body_model(small_body(), **changes)
    rotmats, betas = random_bodies(5)
    output = SmplLayer(body)(tensor(rotmats), tensor(betas))
    np.testing.assert_allclose(output.vertices, body.vertices(rotmats, betas), atol=2e-5)
    np.testing.assert_allclose(output.joints, body.joints(rotmats, betas), atol=2e-5)
    assert output.joints_49 is None


def test_joints_need_no_mesh():
    layer = SmplLayer(body_model(small_body()))
    rotmats, betas = map(tensor, random_bodies(3))
    torch.testing.assert_close(layer.joints(rotmats, betas), layer(rotmats, betas).joints, rtol=0, atol=0)
    identity = torch.eye(3).expand(3, 24, 3, 3)
    torch.testing.assert_close(layer.joints(identity, betas), layer.rest_joints(betas))


def test_nobody():
    output = SmplLayer(body_model(small_body()))(torch.zeros(0, 24, 3, 3), torch.zeros(0, 10))
    assert output.vertices.shape == (0, 60, 3) and output.joints.shape == (0, 24, 3)


def test_gradients():
    layer = SmplLayer(body_model(small_body(num_vertices=3))).double()
    rotmats, betas = (torch.tensor(array, requires_grad=True) for array in random_bodies(1))
    assert torch.autograd.gradcheck(lambda r, b: layer(r, b).vertices, (rotmats, betas), fast_mode=True)


def test_no_checkpoint_carries_the_body():
    assert not SmplLayer(body_model(small_body())).state_dict()


@pytest.mark.shared
@pytest.mark.parametrize('name', ['poco_cliff', 'poco_pare', 'poco_hmr'])
def test_reference_data(shared_dir, name):
    arrays = golden(shared_dir, name)
    with torch.no_grad():
        output = synthetic_layer(shared_dir)(tensor(arrays['pred_rotmat']), tensor(arrays['pred_shape']))
    for got, expected in (
        (output.vertices[:, ::530], arrays['synthbody_vertices_every_530']),
        (output.joints_49, arrays['synthbody_joints3d']),
    ):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_extra_regressor_of_another_mesh():
    with pytest.raises(BodyModelError, match='6890 vertices; this body has 60'):
        SmplLayer(body_model(small_body()), np.zeros((9, 60)))


@pytest.mark.parametrize('regressor', [np.zeros((8, 6890)), np.full((9, 6890), np.nan)], ids=['shape', 'nan'])
def test_unfit_extra_regressor(regressor):
    arrays = small_body(num_vertices=6890)
    with pytest.raises(BodyModelError, match=r'J_regressor_extra must be \(9, 6890\) finite'):
        SmplLayer(body_model(arrays, posedirs=None), regressor)


_SMPLX = """
import sys, numpy as np, torch
try:
    from smplx.lbs import lbs
except ImportError:
    sys.exit(77)
a = np.load(sys.argv[1])
t = {k: torch.from_numpy(a[k]).double() for k in a.files}
posedirs = t['posedirs'].reshape(-1, 207).T
vertices, joints = lbs(t['betas'], t['rotmats'].flatten(2).reshape(-1, 24, 3, 3), t['v_template'][None], t['shapedirs'],
                       posedirs, t['J_regressor'], torch.from_numpy(a['parents']), t['weights'], pose2rot=False)
np.savez(sys.argv[2], vertices=vertices.numpy(), joints=joints.numpy())
"""


@pytest.mark.oracle
@pytest.mark.shared
def test_smplx(shared_dir, tmp_path):
    missing = 'no environment with smplx at ' + str(ORACLE.parents[1])
    if not ORACLE.exists():
        pytest.skip(missing)
    arrays = synthetic_body(shared_dir)
    rotmats, betas = random_bodies(2)
    names = ('v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights')
    arrays_in = {name: arrays[name].astype(np.float32) for name in names}
    np.savez(tmp_path / 'in.npz', rotmats=rotmats, betas=betas, parents=arrays['parents'], **arrays_in)
    status = subprocess.run([ORACLE, '-c', _SMPLX, tmp_path / 'in.npz', tmp_path / 'out.npz']).returncode
    if status == 77:
        pytest.skip(missing)
    assert status == 0
    output = synthetic_layer(shared_dir)(tensor(rotmats), tensor(betas))
    with np.load(tmp_path / 'out.npz') as expected:
        np.testing.assert_allclose(output.vertices, expected['vertices'], atol=1e-5)
        np.testing.assert_allclose(output.joints, expected['joints'], atol=1e-5)
