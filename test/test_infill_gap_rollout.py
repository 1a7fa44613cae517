"""The roll-out that is trained against the filter that runs, and its errors against those of posed bodies."""

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('onnx')

from test_infill_gated_step import trained  # noqa: E402

from poco_ros.engine.openvino_engine import OpenVinoEngine  # noqa: E402
from poco_ros.evaluation.infill import gap_rollout  # noqa: E402
from poco_ros.evaluation.infill.gap_rollout import Batch, batch, levers, loss, matrix_of, rolled_out  # noqa: E402
from poco_ros.evaluation.infill.gated_step import to_onnx  # noqa: E402
from poco_ros.evaluation.infill.skeleton import positions  # noqa: E402
from poco_ros.export.onnx_file import write_onnx  # noqa: E402
from poco_ros.temporal import quaternions as quat  # noqa: E402
from poco_ros.temporal.config import MotionConfig  # noqa: E402
from poco_ros.temporal.dynamics import COLUMNS  # noqa: E402
from poco_ros.temporal.filter_state import Measurement  # noqa: E402
from poco_ros.temporal.learned_dynamics import LearnedDynamics  # noqa: E402
from poco_ros.temporal.noise import filter_noise  # noqa: E402
from poco_ros.temporal.smoother import Smoother  # noqa: E402

FORGETTING = np.array([3.0, 9.0])


def bent(count, seed=0):
    return quat.exp(0.5 * np.random.default_rng(seed).normal(size=(count, 24, 3)))


def test_it_is_what_the_filter_does_while_nothing_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(gap_rollout, '_POSE_EVERY', 1)
    network = trained()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 0.2
    path, count = tmp_path / 'step.onnx', 3
    write_onnx(to_onnx(network), path)
    smoother = Smoother(0, filter_noise(MotionConfig()), LearnedDynamics(OpenVinoEngine(path), FORGETTING, {}))
    smoother.grow(count)
    seen, unseen = np.ones((count, 25), bool), np.zeros((count, 25), bool)
    rotations, pelvis = bent(count), np.zeros((count, 3))
    turn = quat.exp(0.03 * np.random.default_rng(1).normal(size=(count, 24, 3)))
    for t in range(12):
        rotations, pelvis = quat.multiply(rotations, turn), pelvis + [0.01, 0, 0.02]
        m = Measurement(rotations, pelvis, np.ones((count, 25)), np.ones((count, 25)), seen)
        if t == 0:
            smoother.restart(seen, m)
        else:
            smoother.predict(1.0, seen, unseen)
        smoother.update(m, smoother.innovation(m))
    begin, place = (values.copy() for values in smoother.estimate(0))
    rate, past = smoother.motion()
    state = np.concatenate([rate[:, None], past], 1)[:, :, COLUMNS].reshape(count, 3, 69).astype(np.float32)
    gaps = batch(state, begin.astype(np.float32), np.zeros((count, 30, 69), np.float32))
    with torch.no_grad():
        arrived = rolled_out(network, gaps, torch.tensor(FORGETTING, dtype=torch.float32)).double().numpy()
    moves = np.diff(arrived, axis=1, prepend=0)[..., :66].reshape(count, 30, 22, 3)
    expected = begin[:, :22]
    m.used = unseen
    for t in range(30):
        smoother.predict(1.0, unseen, unseen)
        smoother.update(m, smoother.innovation(m))
        expected = quat.multiply(expected, quat.exp(moves[:, t]))
        found, at = smoother.estimate(0)
        np.testing.assert_allclose(quat.to_matrix(found[:, :22]), quat.to_matrix(expected), atol=2e-4)
        np.testing.assert_allclose(at, place + quat.rotate(begin[:, 0], arrived[:, t, 66:]), atol=2e-4)
    assert np.abs(arrived[:, -1]).max() > 0.05


def test_levers_are_how_joints_move_when_a_joint_is_turned():
    rotations, step = bent(2), 1e-6
    rotations[:, 0] = quat.identity()
    expected = np.zeros((2, 66, 72))
    for turn in range(66):
        vector = np.zeros((24, 3))
        vector[turn // 3, turn % 3] = step
        ends = [positions(quat.multiply(rotations, quat.exp(s * vector)), np.zeros((2, 3)))[0] for s in (1, -1)]
        expected[:, turn] = ((ends[0] - ends[1]) / (2 * step)).reshape(2, 72)
    np.testing.assert_allclose(levers(rotations), expected, atol=1e-6)


def test_matrices_are_those_of_the_quaternions():
    vectors = np.random.default_rng(0).normal(size=(20, 3))
    vectors[0] = 0
    np.testing.assert_allclose(matrix_of(torch.from_numpy(vectors)).numpy(), quat.to_matrix(quat.exp(vectors)),
                               atol=1e-6)


def test_the_loss_is_least_at_the_truth_and_a_steady_drift_is_bridged():
    rng = np.random.default_rng(0)
    target = torch.from_numpy(0.2 * rng.normal(size=(2, 30, 69)).astype(np.float32))
    gaps = Batch(torch.zeros(2, 3, 69), torch.zeros(2, 22, 3, 3), target, torch.from_numpy(levers(bent(2))))
    least = float(loss(target, gaps, 20))
    drift = torch.zeros(2, 30, 69)
    drift[..., 3] = 0.01 * torch.arange(30)
    jump = torch.zeros(2, 30, 69)
    jump[:, 5:15, 3] = float(drift[..., 3].mean()) * 3
    assert least < float(loss(target + drift, gaps, 20)) < float(loss(target + jump, gaps, 20))
