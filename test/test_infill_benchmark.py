"""The infilling benchmark against the script it was ported from, and its guards against cheating."""

import dataclasses
import importlib
import json
import sys

import numpy as np
import pytest

from poco_ros.errors import ConfigError, PocoError
from poco_ros.evaluation.infill.benchmark import evaluate, paired_difference, pose_pool
from poco_ros.evaluation.infill.methods import Hold, PluginMethod, Raw, StreamMethod, load_plugin
from poco_ros.evaluation.infill.metrics import npss, score, scored_frames
from poco_ros.evaluation.infill.motion_file import Motion, load_motion, sample_windows
from poco_ros.evaluation.infill.occlusion import corrupt
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.stream import make

METRICS = ('mpjpe', 'gmpjpe', 'angle', 'root_rot', 'root_pos', 'mpjpe_tail', 'accel', 'jerk', 'jerk_gt', 'maxstep')


@pytest.fixture(scope='module')
def shared_motion(shared_dir):
    return load_motion(shared_dir / 'temporal' / 'mocap_train.npz')


@pytest.fixture(scope='module')
def script(shared_dir):
    """The script that the benchmark was ported from."""
    sys.path.insert(0, str(shared_dir / 'temporal'))
    yield importlib.import_module('bench_infill')
    sys.path.remove(str(shared_dir / 'temporal'))


@pytest.fixture
def motion():
    """Two made-up clips of swinging limbs."""
    t = np.arange(400) / 30
    poses = np.zeros((800, 24, 3))
    for c in range(2):
        poses[400 * c:400 * (c + 1), [1, 2, 16, 17], 0] = 0.5 * np.sin(
            2 * np.pi * (1 + 0.2 * c) * t[:, None] + np.array([0, 3.1, 3.1, 0]))
    trans = np.stack([np.tile(t, 2), np.ones(800), np.zeros(800)], 1)
    return Motion(poses, trans, np.array([0, 400, 800]), ('cmu_a', 'b'), ('CMU', 'other'), ('a', 'b'))


@pytest.mark.shared
@pytest.mark.parametrize('preset', ['poco', 'clean'])
def test_windows_noise_and_metrics_are_those_of_the_script(shared_dir, shared_motion, script, preset):
    gap, n, seed = 10, 16, 1
    data = script.load(shared_dir / 'temporal' / 'mocap_train.npz')
    q, p, clip = script.make_windows(data, gap, n, seed)
    windows = sample_windows(shared_motion, gap, n, seed)
    np.testing.assert_array_equal(windows.clip, clip)
    np.testing.assert_allclose(windows.pelvis, p, atol=1e-12)
    pick = np.random.default_rng(seed).choice(len(data['poses']), 2000, replace=False)
    seen = script.corrupt(q, p, gap, script.rl.aa_to_quat(data['poses'][pick]), seed, preset)
    ours = corrupt(windows, gap, pose_pool(shared_motion, seed), seed, preset)
    np.testing.assert_allclose(ours.uncertainty, seen.u, atol=1e-12)
    np.testing.assert_allclose(ours.pelvis, seen.p, atol=1e-9)
    np.testing.assert_allclose(quat.to_matrix(ours.rotations), quat.to_matrix(seen.q), atol=1e-9)
    frames = scored_frames(gap)
    theirs = script.score(seen.q[:, frames], seen.p[:, frames], q, p, gap, (frames.start, frames.stop))
    mine = score(ours.rotations[:, frames], ours.pelvis[:, frames], windows.rotations[:, frames],
                 windows.pelvis[:, frames], gap)
    for name in METRICS:
        np.testing.assert_allclose(mine[name], theirs[name], atol=1e-5, err_msg=name)
    inside = slice(40, 40 + gap)
    assert npss(ours.rotations[:, inside], windows.rotations[:, inside]) == pytest.approx(
        script.npss(seen.q[:, inside], q[:, inside]), abs=1e-6)


@pytest.mark.shared
def test_the_filter_of_the_prototype_gets_the_numbers_of_the_script(shared_dir, shared_motion, script):
    rows = script.evaluate([script.KalmanRTS()], script.load(shared_dir / 'temporal' / 'mocap_train.npz'), [5], [5], 8,
                           1, 'poco', check=False, verbose=False)
    ours = evaluate([load_plugin('reference_stream:make')], shared_motion, gaps=[5], lags=[5], count=8)
    for name in (*METRICS, 'mpjpe_ci', 'maxstep_p95'):
        assert ours[0][name] == pytest.approx(rows[0][name], rel=1e-3), name


@pytest.mark.shared
def test_the_stream_beats_the_filter_and_holding_at_every_gap(shared_motion):
    """With windows that nothing was tuned on."""
    methods = [StreamMethod('damped'), StreamMethod(), Hold(0.55), Raw()]
    for preset in ('poco', 'clean'):
        rows = evaluate(methods, shared_motion, preset=preset, gaps=[15], lags=[0], count=64, seed=77)
        for row in (r for r in rows if r['method'] == 'stream (whole_body)'):
            assert row['minus_first']['mpjpe'][2] < 0, row
        held = {r['gap']: r['mpjpe'] for r in rows if r['method'].startswith('hold')}
        live = {r['gap']: r['mpjpe'] for r in rows if r['method'] == 'stream (whole_body)' and r['lag'] == 0}
        assert all(live[gap] < held[gap] for gap in held)


def test_the_plug_in_and_the_batch_of_windows_agree(motion):
    kwargs = {'gaps': [5], 'lags': [2, None], 'count': 2}
    batch = evaluate([StreamMethod()], motion, **kwargs)
    single = evaluate([PluginMethod(make, 'one by one')], motion, **kwargs)
    for a, b in zip(batch, single, strict=True):
        assert a['lag'] == b['lag'] and all(a[m] == pytest.approx(b[m], rel=1e-4, abs=1e-3) for m in METRICS)


class Foreseeing:
    name, uses_lag = 'foreseeing', True

    def run(self, seen, lag):
        return np.roll(seen.rotations, -lag - 1, axis=1), seen.pelvis


class Slow:
    """Outputs a frame later than it may, or never."""

    def __init__(self, lag, late):
        self._held, self._keep = [], lag + late

    def push(self, stamp, rotmats, trans, unc):
        self._held.append((stamp, rotmats, trans, {}))
        return [self._held.pop(0)] if len(self._held) > self._keep else []

    def flush(self):
        return self._held if self._keep < 100 else []


def test_cheating_is_found(motion):
    kwargs = {'gaps': [5], 'lags': [2], 'count': 4}
    with pytest.raises(PocoError, match='later frames'):
        evaluate([Foreseeing()], motion, **kwargs)
    with pytest.raises(PocoError, match='later than lag'):
        evaluate([PluginMethod(lambda lag, fps: Slow(lag, 1), 'slow')], motion, **kwargs)
    with pytest.raises(PocoError, match='never came'):
        evaluate([PluginMethod(lambda lag, fps: Slow(lag, 1000), 'lazy')], motion, **kwargs)
    evaluate([PluginMethod(lambda lag, fps: Slow(lag, 0), 'honest')], motion, **kwargs)


def test_what_is_no_rotation_is_not_believed():
    from poco_ros.evaluation.infill.plugin import measured
    rotmats = np.repeat(np.eye(3)[None, None], 24, 1)
    rotmats[0, 3] *= 1.1
    rotmats[0, 4] = np.diag([1, 1, -1])
    rotmats[0, 5] = np.nan
    bodies = measured(rotmats, np.zeros((1, 3)), np.array([0.2]), np.array([1], np.int32))
    assert np.flatnonzero(np.isnan(bodies.pose).any(axis=(0, 2))).tolist() == [3, 4, 5]


def test_intervals_hold_the_mean_and_shrink_with_clips():
    rng = np.random.default_rng(0)
    values = rng.normal(3, 1, 400)
    few, many = (paired_difference(values, np.arange(400) % clips) for clips in (5, 400))
    assert few[1] < 3 < few[2] and many[1] < few[0] < many[2] and many[0] == pytest.approx(values.mean())


def test_groups_of_clips_are_compared_by_themselves(motion):
    methods = [StreamMethod('damped'), StreamMethod('whole_body')]
    row = evaluate(methods, motion, gaps=[5], lags=[0], count=8,
                   groups={'first': np.array([0]), 'second': np.array([1]), 'none': np.array([7])})[1]
    assert set(row['groups']) == {'first', 'second'} and {part['n'] for part in row['groups'].values()} == {4}
    for name in ('mpjpe', 'root_pos'):
        halves = [part[name][0] for part in row['groups'].values()]
        assert np.mean(halves) == pytest.approx(row['minus_first'][name][0])


def test_broken_files_and_plug_ins_are_refused(tmp_path, motion):
    path = tmp_path / 'motion.npz'
    with pytest.raises(PocoError, match=r'motion\.npz'):
        load_motion(path)
    np.savez(path, poses=motion.poses)
    with pytest.raises(PocoError, match='no motion file'):
        load_motion(path)
    whole = {'poses': motion.poses, 'trans': motion.trans, 'clip_start': motion.clip_start, 'clip_name': motion.names}
    np.savez(path, **{**whole, 'fps': 60.0})
    with pytest.raises(PocoError, match='60 frames'):
        load_motion(path)
    np.savez(path, **{**whole, 'trans': motion.trans[:-1]})
    with pytest.raises(PocoError, match='do not fit'):
        load_motion(path)
    np.savez(path, **whole)
    assert load_motion(path).names == motion.names and len(load_motion(path).clips('CMU')) == 0
    with pytest.raises(PocoError, match='no clip is as long'):
        evaluate([Raw()], dataclasses.replace(motion, clip_start=np.array([0, 50, 100])), gaps=[5], count=4)
    with pytest.raises(ConfigError, match='module:factory'):
        load_plugin('no_such_module:make')


def test_only_some_clips(motion):
    cmu = motion.only(motion.clips('CMU'))
    assert cmu.names == ('cmu_a',) and len(cmu.poses) == 400 and cmu.clip_start.tolist() == [0, 400]
    with pytest.raises(PocoError, match='licence'):
        motion.only(motion.clips('none'))


def test_commands(tmp_path, motion):
    import typer
    from typer.testing import CliRunner

    from poco_ros.cli.bench_infill import bench_infill
    from poco_ros.cli.fit_age_law import fit_age_law
    from poco_ros.cli.fit_body_dynamics import fit_body_dynamics
    from poco_ros.cli.fit_steadying import fit_steadying
    from poco_ros.temporal.age_law import load_age_law
    from poco_ros.temporal.body_dynamics import load_body_dynamics
    from poco_ros.temporal.steadying import load_steadying
    data, numbers = tmp_path / 'motion.npz', tmp_path / 'n.json'
    np.savez(data, poses=motion.poses, trans=motion.trans, clip_start=motion.clip_start, clip_name=motion.names,
             licence=motion.licences)
    app = typer.Typer()
    for command in (bench_infill, fit_age_law, fit_body_dynamics, fit_steadying):
        app.command()(command)
    runner = CliRunner()

    def run(*arguments):
        result = runner.invoke(app, [str(a) for a in arguments])
        assert result.exit_code == 0, result.output
        return result.output

    output = run('bench-infill', '--data', data, '--json', numbers, '--noise', 'clean', '--gap', 5, '--lag', 0, '--lag',
                 'offline', '--count', 4)
    rows = json.loads(numbers.read_text())
    assert len(rows) == 6 and 'stream (whole_body)' in output and {r['lag'] for r in rows} == {0, 'offline', 'any'}
    run('fit-age-law', '--data', data, '--out', tmp_path / 'law.json', '--count', 100, '--gap', 5)
    few = ['fit-age-law', '--data', str(data), '--out', str(tmp_path / 'x'), '--count', '20', '--gap', '5']
    assert 'too few' in str(runner.invoke(app, few).exception)
    assert np.isfinite(load_age_law(tmp_path / 'law.json').base_radius_mm).all()
    run('fit-body-dynamics', '--data', data, '--out', tmp_path / 'd.npz', '--windows', 100, '--iterations', 3)
    assert load_body_dynamics(tmp_path / 'd.npz').provenance['clips'] == 1
    run('fit-steadying', '--data', data, '--out', tmp_path / 's.json', '--count', 20)
    assert load_steadying(tmp_path / 's.json').provenance['clips'] == 1
    # each half of the people predicted by what was fitted to the other one
    halves = ['--licence', '']
    for half in ('1/2', '2/2'):
        path = tmp_path / f'{half[0]}.npz'
        run('fit-body-dynamics', '--data', data, '--out', path, '--windows', 100, '--iterations', 3, '--licence', '',
            '--without', half)
        assert load_body_dynamics(path).provenance['clips'] == 1
        halves += ['--dynamics', path]
    run('fit-age-law', '--data', data, '--out', tmp_path / 'law.json', '--count', 100, '--gap', 5, *halves)
    assert '--dynamics 2.npz' in json.loads((tmp_path / 'law.json').read_text())['fitted']['command']
    for wrong in ([*few, '--dynamics', str(tmp_path / '1.npz')],
                  ['fit-body-dynamics', '--data', str(data), '--out', 'x', '--without', '3']):
        assert isinstance(runner.invoke(app, wrong).exception, ConfigError)
    for bad in (['--noise', 'x'], ['--lag', 'soon']):
        assert isinstance(runner.invoke(app, ['bench-infill', '--data', str(data), *bad]).exception, ConfigError)


def test_halves_of_the_people_are_about_as_long_and_have_nobody_in_common(motion):
    start = np.array([0, 100, 250, 400, 500, 800])
    names = tuple('abcde')
    of = Motion(motion.poses, motion.trans, start, names, ('',) * 5, ('ann', 'bob', 'ann', 'cem', 'dan'))
    folds = of.folds(2)
    assert folds[0] == folds[2] and set(folds.tolist()) == {0, 1}
    lengths = [np.diff(start)[folds == k].sum() for k in (0, 1)]
    assert max(lengths) - min(lengths) <= 100
    assert of.only(np.flatnonzero(folds == folds[0])).subjects[0] == 'ann'
