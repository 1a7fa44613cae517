"""Training the gated step: deterministic, kept honest by validation, and able to learn what no linear step can."""

import json

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('onnx')

from poco_ros.errors import ConfigError, TrainingError  # noqa: E402
from poco_ros.evaluation.infill.dynamics_fit import blank  # noqa: E402
from poco_ros.evaluation.infill.learned_fit import Gaps, Training, at_speed, fit, validated, widened  # noqa: E402
from poco_ros.evaluation.infill.motion_file import Motion  # noqa: E402
from poco_ros.temporal import quaternions as quat  # noqa: E402
from poco_ros.temporal.learned_dynamics import load_learned_dynamics  # noqa: E402

FORGETTING = np.array([3.0])


def swinging(frames=400, clips=2):
    """Clips of swinging limbs and a walking pelvis."""
    t = np.arange(frames) / 30
    poses = np.zeros((clips * frames, 24, 3))
    for c in range(clips):
        poses[frames * c:frames * (c + 1), [1, 2, 16, 17], 0] = 0.5 * np.sin(
            2 * np.pi * (1 + 0.2 * c) * t[:, None] + np.array([0, 3.1, 3.1, 0]))
    trans = np.stack([np.tile(t, clips), np.ones(clips * frames), np.zeros(clips * frames)], 1)
    names = tuple(f'cmu_{c}' for c in range(clips))
    return Motion(poses, trans, frames * np.arange(clips + 1), names, ('CMU',) * clips, names)


def going_on(count, seed):
    """Whatever turns goes on turning."""
    rng = np.random.default_rng(seed)
    state = (0.02 * rng.normal(size=(count, 2, 69))).astype(np.float32)
    state[..., 66:] *= 0.01  # the position of the pelvis is not learned
    rotations = quat.exp(0.5 * rng.normal(size=(count, 24, 3))).astype(np.float32)
    return Gaps(state, rotations, state[:, :1] * np.arange(1, 31, dtype=np.float32)[:, None])


def test_twice_as_fast_is_every_second_frame_and_half_as_fast_lies_between():
    motion = swinging()
    fast, slow = at_speed(motion, 2.0), at_speed(motion, 0.5)
    np.testing.assert_allclose(fast.poses[:200], motion.poses[0:399:2], atol=1e-9)
    np.testing.assert_allclose(fast.trans[fast.clip_start[1]:], motion.trans[400:799:2], atol=1e-12)
    np.testing.assert_allclose(slow.poses[1], 0.5 * (motion.poses[0] + motion.poses[1]), atol=1e-9)
    assert slow.clip_start.tolist() == [0, 798, 1596] and slow.names == motion.names


def test_the_linear_step_keeps_its_meaning_beside_more_means():
    linear = blank(np.array([3.0, 8.0]))
    linear.matrix[:] = np.random.default_rng(0).normal(size=linear.matrix.shape)
    wide = widened(linear, np.array([1.5, 3.0, 8.0])).reshape(4, 69, 69)
    np.testing.assert_allclose(wide[[0, 2, 3]], linear.matrix.reshape(3, 69, 69), rtol=1e-6)
    assert not wide[1].any()
    with pytest.raises(TrainingError, match='over 8 frames'):
        widened(linear, np.array([3.0, 9.0]))


def test_the_best_weights_are_kept_and_the_same_again():
    gaps, others = going_on(60, 0), going_on(16, 1)
    how = Training(6, width=8, batch=8, rate=0.5, every=2)
    seen = []
    network, least = fit(gaps, others, blank(FORGETTING), FORGETTING, how, lambda *line: seen.append(line))
    assert [line[0] for line in seen] == [0, 2, 4, 6] and least == min(line[2] for line in seen) < seen[-1][2]
    assert validated(network, others, torch.tensor(FORGETTING, dtype=torch.float32)) == least
    again = []
    fit(gaps, others, blank(FORGETTING), FORGETTING, how, lambda *line: again.append(line))
    assert again[1:] == seen[1:]


def test_a_loss_that_is_no_number_ends_the_training():
    gaps = going_on(20, 0)
    gaps.target[0] = np.nan
    with pytest.raises(TrainingError, match='the loss is nan'):
        fit(gaps, gaps, blank(FORGETTING), FORGETTING, Training(5, width=4, batch=40))


def test_the_command_makes_the_same_file_twice_and_says_where_it_comes_from(tmp_path):
    import typer
    from typer.testing import CliRunner

    from poco_ros.cli.fit_learned_dynamics import fit_learned_dynamics
    motion, data = swinging(100, 7), tmp_path / 'motion.npz'
    np.savez(data, poses=motion.poses, trans=motion.trans, clip_start=motion.clip_start, clip_name=motion.names,
             licence=motion.licences)
    app = typer.Typer()
    app.command()(fit_learned_dynamics)
    few = ['--data', str(data), '--windows', '20', '--iterations', '2', '--width', '4', '--out']
    for name in ('a.onnx', 'b.onnx'):
        result = CliRunner().invoke(app, [*few, str(tmp_path / name)])
        assert result.exit_code == 0, result.exception
    assert (tmp_path / 'a.onnx').read_bytes() == (tmp_path / 'b.onnx').read_bytes()
    dynamics = load_learned_dynamics(tmp_path / 'a.onnx')
    assert dynamics.provenance['licences'] == ['CMU'] and dynamics.provenance['validation_clips'] == ['cmu_5']
    assert json.loads((tmp_path / 'a.json').read_text())['provenance']['command'].startswith(
        "poco fit-learned-dynamics --data motion.npz --licence 'CMU' --windows 20")
    assert isinstance(CliRunner().invoke(app, [*few, str(tmp_path / 'a.npz')]).exception, ConfigError)
