"""The fitted whole-body step and its file."""

import numpy as np
import pytest

from poco_ros.errors import ModelFileError
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.body_dynamics import BodyDynamics, load_body_dynamics, shipped_body_dynamics
from poco_ros.temporal.dynamics import COLUMNS


def test_the_shipped_matrix_comes_from_motion_that_may_be_shipped_and_never_runs_away():
    dynamics = shipped_body_dynamics()
    assert all(text.startswith('CMU') for text in dynamics.provenance['licences'])
    rng = np.random.default_rng(0)
    rate, past = np.zeros((50, 25, 3)), np.zeros((50, dynamics.memory, 25, 3))
    rate[:, COLUMNS] = 0.05 * rng.normal(size=(50, 23, 3))
    past[:, :, COLUMNS] = 0.2 * rng.normal(size=(50, 1, 23, 3))
    size = []
    for _ in range(3000):
        move, after = dynamics.predict(rate, past, quat.identity(len(rate), 24), 1.0)
        full = np.zeros_like(rate)
        full[:, COLUMNS] = move
        rate[:, COLUMNS] = after
        past = dynamics.forget(past, full, 1.0)
        size.append(np.abs(after).max())
    assert size[-1] < 0.2 * size[0] and max(size) < 3 * size[0]


def test_one_step_is_the_matrix():
    dynamics = shipped_body_dynamics()
    rng = np.random.default_rng(0)
    rate, past = rng.normal(size=(2, 25, 3)), rng.normal(size=(2, dynamics.memory, 25, 3))
    state = np.concatenate([rate[:, None], past], 1)[:, :, COLUMNS]
    move, after = dynamics.predict(rate, past, quat.identity(len(rate), 24), 1.0)
    np.testing.assert_allclose(after.reshape(2, -1), state.reshape(2, -1) @ dynamics.matrix)
    np.testing.assert_allclose(move, after)


def test_half_steps_come_near_a_whole_one():
    dynamics = shipped_body_dynamics()
    rate, past = np.zeros((1, 25, 3)), np.zeros((1, dynamics.memory, 25, 3))
    rate[:, 0], past[:, :, 4] = 0.03, 0.1
    whole = dynamics.predict(rate, past, quat.identity(len(rate), 24), 1.0)[0]
    half, after = dynamics.predict(rate, past, quat.identity(1, 24), 0.5)
    full, mid = np.zeros((1, 25, 3)), np.zeros((1, 25, 3))
    full[:, COLUMNS], mid[:, COLUMNS] = half, after
    second = dynamics.predict(mid, dynamics.forget(past, full, 0.5), quat.identity(1, 24), 0.5)[0]
    assert np.abs(half + second - whole).max() < 0.3 * np.abs(whole).max()


def test_the_file_survives_and_broken_ones_are_refused(tmp_path):
    dynamics = shipped_body_dynamics()
    path = tmp_path / 'd.npz'
    dynamics.save(path)
    again = load_body_dynamics(path)
    assert np.array_equal(again.matrix, dynamics.matrix) and again.provenance == dynamics.provenance
    BodyDynamics(np.zeros((3, 3)), np.array([2.0]), {}).save(path)
    with pytest.raises(ModelFileError, match='does not fit'):
        load_body_dynamics(path)
    path.write_bytes(b'nothing')
    with pytest.raises(ModelFileError, match=r'd\.npz'):
        load_body_dynamics(path)
    with pytest.raises(ModelFileError, match='cannot read'):
        load_body_dynamics(tmp_path / 'none.npz')
