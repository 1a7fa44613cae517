"""The data sets of the field: files made here in their layout, protocols against golden numbers and closed forms."""

from __future__ import annotations

import dataclasses
import json

import cv2
import numpy as np
import pytest
import typer
from lift_scenes import random_poses
from typer.testing import CliRunner

import poco_ros.evaluation.datasets.run as run_module
from poco_ros.body.model_file import OPEN_BODY_PATH, load_body_model
from poco_ros.cli.evaluate import evaluate
from poco_ros.engine.options import EngineOptions
from poco_ros.errors import ConfigError, DatasetError
from poco_ros.evaluation.datasets.files import Files, read_benchmark, read_regressor, sequence_of
from poco_ros.evaluation.datasets.protocols import PROTOCOLS, body_errors_mm, find_protocol
from poco_ros.evaluation.datasets.run import evaluate_benchmark
from poco_ros.regressors.base import RegressorInfo
from poco_ros.types import Bodies, State

N = 10
APP = typer.Typer()
APP.command()(evaluate)


@pytest.fixture(scope='module')
def smpl(tmp_path_factory):
    """Three body files that differ by their template's size, as neutral, male and female do, and a regressor."""
    folder = tmp_path_factory.mktemp('smpl')
    with np.load(OPEN_BODY_PATH) as data:
        arrays = dict(data)
    for name, scale in (('neutral', 1.0), ('male', 1.1), ('female', 0.9)):
        np.savez(folder / f'{name}.npz', **{**arrays, 'v_template': arrays['v_template'] * np.float32(scale)})
    body = load_body_model(folder / 'neutral.npz')
    matrix = np.zeros((17, body.num_vertices), np.float32)
    matrix[0] = body.J_regressor[0]
    matrix[np.arange(1, 17), np.arange(100, 5000, 300)[:16]] = 1
    np.save(folder / 'J_regressor_h36m.npy', matrix)
    return folder


@pytest.fixture
def files(tmp_path, smpl):
    """An npz of 3DPW, and images."""
    rng = np.random.default_rng(0)
    names = [f'imageFiles/{"courtyard_box_00" if i < 6 else "downtown_cafe_01"}/image_{i:05d}.jpg' for i in range(N)]
    for name in names:
        path = tmp_path / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((90, 160, 3), 128, np.uint8))
    np.savez(tmp_path / '3dpw_test.npz', imgname=np.array(names), center=np.tile([80.0, 45.0], (N, 1)),
             scale=np.full(N, 0.4), pose=random_poses(N, 1).reshape(N, 72), shape=rng.normal(0, 1, (N, 10)),
             gender=np.array(['m', 'f'] * (N // 2)))
    return Files(tmp_path / '3dpw_test.npz', tmp_path / 'images', smpl / 'J_regressor_h36m.npy', smpl / 'male.npz',
                 smpl / 'female.npz')


class Fixed:
    """Answers person after person with given bodies, and keeps what it was asked."""

    needs_landmarks = False
    info = RegressorInfo('fixed', '1')

    def __init__(self, body, pose, betas, lose=(), first=0):
        joints = body.joints(pose, betas)
        self.bodies = dataclasses.replace(
            Bodies.unknown(len(pose)), pose=pose.astype(np.float32), betas=betas.astype(np.float32), joints=joints,
            joint_uncertainty=np.linspace(0, 1, len(pose) * 24, dtype=np.float32).reshape(-1, 24),
            uncertainty=np.linspace(0, 1, len(pose), dtype=np.float32),
            state=np.where(np.isin(np.arange(len(pose)), lose), State.LOST, State.OBSERVED).astype(np.uint8))
        self.next, self.boxes = first, []

    def regress(self, frame, people):
        self.boxes.append((frame.image.shape, people.boxes.xyxy[0].tolist()))
        row = self.next
        self.next += 1
        return self.bodies.take([row])


def truth(files):
    with np.load(files.npz) as data:
        return data['pose'].reshape(-1, 24, 3), data['shape']


def measure(files, smpl, regressor, dataset='3dpw', cache=None):
    body = load_body_model(smpl / 'neutral.npz')
    return evaluate_benchmark(dataset, files, 'fixed', body, EngineOptions(), cache or files.npz.parent / 'cache',
                              make=lambda: regressor)


def test_3dpw_is_measured_against_gendered_bodies(files, smpl):
    """Independent: vertices of each gender by hand, joints by the plain matrix product."""
    pose, betas = truth(files)
    neutral, male, female = (load_body_model(smpl / f'{name}.npz') for name in ('neutral', 'male', 'female'))
    regressor = Fixed(neutral, pose, betas, lose=[3])
    report = measure(files, smpl, regressor)
    errors = report['models']['fixed']['errors']
    assert report['models']['fixed']['lost'] == 1 and errors['samples'] == 9
    matrix = np.load(files.h36m_regressor).astype(np.float64)
    chosen = [6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10]
    pve, mpjpe = [], []
    for i in (i for i in range(N) if i != 3):
        right = (male if i % 2 == 0 else female).vertices(pose[i:i + 1], betas[i:i + 1])[0]
        guess = neutral.vertices(pose[i:i + 1], betas[i:i + 1])[0]
        pve.append(np.linalg.norm(right - guess, axis=1).mean() * 1e3)
        a, b = matrix @ right, matrix @ guess
        mpjpe.append(np.linalg.norm((a - a[0])[chosen] - (b - b[0])[chosen], axis=1).mean() * 1e3)
    assert errors['pve_mm'] == pytest.approx(np.mean(pve), rel=1e-4) and np.mean(pve) > 20
    assert errors['mpjpe_mm'] == pytest.approx(np.mean(mpjpe), rel=1e-4)
    assert errors['pa_mpjpe_mm'] < errors['mpjpe_mm'] / 2  # sizes differ, and little else
    by_sequence = {row['name']: row for row in report['per_sequence']}
    assert by_sequence['courtyard_box_00']['samples'] == 5 and by_sequence['courtyard_box_00']['lost'] == 1
    assert by_sequence['downtown_cafe_01']['mpjpe_mm'] == pytest.approx(np.mean(mpjpe[5:]), rel=1e-4)
    # the poses are the true ones: nothing for the published PCC to go with, and the crops are the file's squares
    assert regressor.boxes[0] == ((90, 160, 3), [40, 5, 120, 85])
    assert 'pooled_pcc' in report['uncertainties']['own']
    json.dumps(report, default=str)


@pytest.mark.shared
def test_the_golden_numbers(shared_dir, smpl):
    with np.load(shared_dir / 'spec' / 'golden' / 'eval.npz') as golden:
        g = dict(golden)
    protocol = find_protocol('3dpw')
    # Meshes whose vertices are the joints: the regressor picks them out, the pelvis lies at 0.
    picking = np.eye(17)

    def mesh(joints):
        points = np.zeros((len(joints), 17, 3), np.float32)
        points[:, list(protocol.h36m)] = joints
        return points

    predicted, target = (protocol.predicted_joints(mesh(g[name]), picking) for name in ('pred_j14', 'gt_j14'))
    pve, mpjpe, pa_mpjpe = body_errors_mm(predicted, target, g['verts_pred'], g['verts_gt'])
    np.testing.assert_allclose(mpjpe / 1e3, g['mpjpe'], rtol=2e-6)
    np.testing.assert_allclose(pa_mpjpe / 1e3, g['pampjpe'], rtol=2e-5)
    np.testing.assert_allclose(pve / 1e3, g['pve'], rtol=2e-6)


@pytest.mark.parametrize('name', ['3doh50k', 'h36m', 'mpi-inf-3dhp'])
def test_stored_joints_are_what_is_measured(name, files, smpl):
    """Truth made from the very bodies that are predicted, moved by 30 mm in one joint of each."""
    protocol = PROTOCOLS[name]
    pose, betas = truth(files)
    body = load_body_model(smpl / 'neutral.npz')
    joints = np.load(files.h36m_regressor).astype(np.float64) @ body.vertices(pose, betas).astype(np.float64)
    joints -= joints[:, :1]
    stored = np.zeros((N, 24, 4))
    for ours, theirs in zip(protocol.h36m, protocol.stored, strict=True):
        stored[:, theirs] = np.concatenate([joints[:, ours], np.ones((N, 1))], axis=1)
    stored[:, 0, 0] += 0.03
    stored[4, 5, 3] = 0  # a joint that was not annotated
    stored[4, 5, :3] = 0.2
    # the middle of the hips must be near the pelvis, which these made-up joints do not promise
    stored[:, [2, 3], :3], kept = 0, stored[:, [2, 3], :3].copy()
    with np.load(files.npz) as data:
        np.savez(files.npz, S=stored, **{k: data[k] for k in ('imgname', 'center', 'scale')})
    report = measure(dataclasses.replace(files, male=None, female=None), smpl, Fixed(body, pose, betas), name)
    errors = report['models']['fixed']['errors']
    hips = np.linalg.norm(kept, axis=-1).sum(axis=1)
    count = np.full(N, len(protocol.h36m))
    count[4] -= 1
    assert errors['mpjpe_mm'] == pytest.approx(1e3 * np.mean((0.03 + hips) / count), rel=1e-4)
    assert np.isnan(errors['pve_mm']) and len(protocol.h36m) == (17 if name == 'mpi-inf-3dhp' else 14)


def test_joints_that_are_not_relative_to_the_pelvis_are_refused():
    with pytest.raises(DatasetError, match='relative to the pelvis'):
        PROTOCOLS['h36m'].stored_joints(np.full((2, 24, 3), 2.0))


def test_the_occluded_set_keeps_its_sequences(files):
    assert len(find_protocol('3dpw-occ').stems) == 17
    assert set(read_benchmark(files.npz, find_protocol('3dpw-occ')).sequence) == {'courtyard_box_00'}
    with np.load(files.npz) as data:
        np.savez(files.npz, **{**data, 'imgname': np.array([f'office_call_00/{i}.jpg' for i in range(N)])})
    with pytest.raises(DatasetError, match='no sequence of 3dpw-occ'):
        read_benchmark(files.npz, find_protocol('3dpw-occ'))


@pytest.mark.parametrize(('image', 'sequence'), [
    ('imageFiles/courtyard_box_00/image_00001.jpg', 'courtyard_box_00'),
    ('images/S9_Directions_1.54138969_000001.jpg', 'S9_Directions_1.54138969'),
    ('mpi_inf_3dhp_test_set/TS1/imageSequence/img_000001.jpg', 'TS1'),
    ('images/0007.jpg', 'all'),
])
def test_sequences_are_told_from_paths(image, sequence):
    assert sequence_of(image) == sequence


def test_an_interrupted_run_goes_on(files, smpl, monkeypatch):
    pose, betas = truth(files)
    body = load_body_model(smpl / 'neutral.npz')
    real = run_module.in_chunks
    monkeypatch.setattr(run_module, 'in_chunks', lambda *rest, size: real(*rest, size=4))
    whole = measure(files, smpl, Fixed(body, pose, betas), cache=files.npz.parent / 'other')
    broken = Fixed(body, pose[:6], betas[:6])
    with pytest.raises(IndexError):
        measure(files, smpl, broken)
    rest = Fixed(body, pose, betas, first=4)
    report = measure(files, smpl, rest)
    assert len(rest.boxes) == 6  # the first chunk of four was there
    assert report['models']['fixed']['errors']['mpjpe_mm'] == pytest.approx(
        whole['models']['fixed']['errors']['mpjpe_mm'])


def test_what_is_missing_is_named(files, smpl, tmp_path):
    pose, betas = truth(files)
    regressor = Fixed(load_body_model(smpl / 'neutral.npz'), pose, betas)
    with pytest.raises(ConfigError, match='--male and --female'):
        measure(dataclasses.replace(files, male=None), smpl, regressor)
    with pytest.raises(ConfigError, match='3dpw-occ'):
        measure(files, smpl, regressor, 'coco')
    (tmp_path / 'images/imageFiles/courtyard_box_00/image_00002.jpg').unlink()
    with pytest.raises(DatasetError, match=r'1 of 10 images are missing, first .*image_00002.jpg'):
        measure(files, smpl, regressor)
    with pytest.raises(DatasetError, match=r'none.npy cannot be read'):
        read_regressor(tmp_path / 'none.npy', 6890)
    np.save(tmp_path / 'wrong.npy', np.zeros((17, 10)))
    with pytest.raises(DatasetError, match=r'\(17, 10\), expected \(17, 6890\)'):
        read_regressor(tmp_path / 'wrong.npy', 6890)


@pytest.mark.parametrize(('change', 'told'), [
    ({'shape': None}, 'lacks the array shape'), ({'scale': np.full(N, np.nan)}, 'scale is not finite for 10'),
    ({'pose': np.zeros((N, 3))}, r'pose is \(10, 3\)'), ({'gender': np.array(['x'] * N)}, 'gender'),
    ({'imgname': np.array([])}, 'imgname'),
])
def test_a_broken_npz_is_told(files, change, told):
    with np.load(files.npz) as data:
        arrays = {**data, **change}
    np.savez(files.npz, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(DatasetError, match=told):
        read_benchmark(files.npz, find_protocol('3dpw'))


def test_the_command(files, smpl, tmp_path, monkeypatch):
    pose, betas = truth(files)
    fixed = Fixed(load_body_model(smpl / 'neutral.npz'), pose, betas)
    monkeypatch.setattr(run_module, 'choose_regressor', lambda *rest: None)
    monkeypatch.setattr(run_module, 'make_regressor', lambda *rest: fixed)
    arguments = ['--dataset', '3dpw', '--npz', files.npz, '--images', files.images, '--json', tmp_path / 'out.json',
                 '--h36m-regressor', files.h36m_regressor, '--male', files.male, '--female', files.female]
    result = CliRunner().invoke(APP, [str(a) for a in arguments])
    assert isinstance(result.exception, ConfigError) and '--body-model' in str(result.exception)
    result = CliRunner().invoke(APP, [str(a) for a in [*arguments, '--body-model', smpl / 'neutral.npz']])
    assert result.exit_code == 0 and 'courtyard_box_00' in result.output, result.output
    report = json.loads((tmp_path / 'out.json').read_text())
    assert report['models']['fixed']['errors']['mpjpe_mm'] > 1 and report['dataset'] == '3dpw'
