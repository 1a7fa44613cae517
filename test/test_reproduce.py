"""The reproduction with a made-up laboratory: what is trained, resumed, chosen and written up."""

from __future__ import annotations

import dataclasses
import json
import math

import matplotlib.image
import numpy as np
import pytest
import synth_samples

from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.errors import DatasetError
from poco_ros.evaluation.metrics import rotation_errors
from poco_ros.evaluation.predictions import landmark_visibility, with_truth
from poco_ros.evaluation.reproduce import tables
from poco_ros.evaluation.reproduce.cells import Cell, run_cell, variance_pcc
from poco_ros.evaluation.reproduce.occlusion_sweep import Sweep, auroc, joined_sweeps, sweep_summary
from poco_ros.evaluation.reproduce.self_improvement import choose, joined, labelled, with_pseudo_labels
from poco_ros.evaluation.reproduce.shows import Show
from poco_ros.evaluation.reproduce.study import Plan, reproduce_study

#: Noise of the made-up networks, and how much of it their sigma knows.
NOISE = {'none': 0.30, 'gauss': 0.29, 'nflow': 0.28, 'cond_scale': 0.27, 'cond_bdf': 0.26, 'poco': 0.25}
KNOWS = {'gauss': 0.2, 'nflow': 0.4, 'cond_scale': 0.6, 'cond_bdf': 0.7, 'poco': 0.95}


@pytest.fixture(scope='module')
def body():
    return load_body_model()


class FakeLab:
    """Networks that are the truth with noise; keeps what it was asked to train."""

    data_sha256 = 'data'

    def __init__(self, body):
        self.body, self.trained = body, []
        self._samples = {split: synth_samples.samples(body, 9, 4, seed) for seed, split in enumerate(('train', 'test'))}

    def samples(self, split):
        return self._samples[split]

    def train(self, cell, folder, samples, progress):
        self.trained.append((cell, samples))
        progress(cell.name, cell.steps, cell.steps)
        return cell

    def predict(self, network, cell, samples):
        people = self.samples('test') if samples is None else samples
        rng = np.random.default_rng([network.seed, sum(map(ord, network.name))])
        noise = rng.normal(size=people.pose.shape) * NOISE[network.formulation]
        noise *= rng.lognormal(0, 0.5, (len(people), 1, 1))
        pose = people.pose + noise.astype(np.float32)
        n = len(people)
        sigma, nothing = np.full((n, 24), np.nan), np.full(n, np.nan)
        if network.formulation != 'none':
            size = (noise**2).sum(axis=-1)
            knows = KNOWS[network.formulation]
            variance = knows * size + (1 - knows) * rng.permutation(size.ravel()).reshape(size.shape)
            sigma = variance if network.formulation == 'gauss' else np.sqrt(variance)
            nothing = sigma.mean(axis=1)
        return with_truth(
            people, rotmat=axis_angle_to_matrix(pose).astype(np.float32), betas=people.betas,
            joints_m=self.body.joints(pose, people.betas, people.transl), sigma=sigma.astype(np.float32),
            uncertainty=nothing.astype(np.float32), seen=landmark_visibility(people), features=None)


def quiet(what, done, total):
    pass


PLAN = Plan(seeds=(0, 1), steps=10, scale_steps=2, image_steps=5)


def test_everything_is_trained_once_and_written_up(tmp_path, body):
    lab = FakeLab(body)
    position = np.arange(30.0)
    covered = np.zeros((30, 24), bool)
    covered[10:20, [18, 20]] = True
    sweep = Sweep('a wall', position, 'pixels', covered, 0.1 + 0.3 * covered + 0.01 * np.sin(position)[:, None],
                  sigma_without=np.full((30, 24), 0.1))

    def shows():
        assert len(lab.trained) > 20, 'shown before everything is trained'
        return [Show('a wall', 'my lift', (sweep, sweep)), Show('nobody', 'my lift', ())]

    study = reproduce_study(lab, PLAN, tmp_path, body, quiet, shows, {'data': 'made up'})
    names = [cell.name for cell, _ in lab.trained]
    assert len({n for n in names if 'seed' in n}) == 12 + 6 + 1 + 7  # lifts, images, teacher, students
    text = (tmp_path / 'report.md').read_text()
    for name in (*NOISE, 'constant per joint', 'landmark visibility', 'analytic lift', 'cliff poco', 'filtered',
                 'whole', 'random', '| a wall | my lift | 2 | 60 | 0 | 2 of 2 | 1.00 | 1.00 |', 'left_wrist',
                 '| nobody | my lift | 0 | - '):
        assert name in text, name
    assert 'The order is that of the paper.' in text and 'nan' not in text.lower()
    for picture in ('pcc', 'sparsification', 'self_improvement', 'sweep-0'):
        assert f'{picture}.png' in text
        assert matplotlib.image.imread(tmp_path / f'{picture}.png')[..., :3].std() > 0.02
    plain = json.loads((tmp_path / 'report.json').read_text())
    assert plain['not_as_in_the_paper'] == [] and len(plain['lifts']) == 12
    assert plain['spreads']['poco']['PVE mm']['count'] == 2
    # the row of the table is the mean of what the cells say
    own = [r['errors']['pve_mm'] for r in study['lifts'] if r['cell']['formulation'] == 'poco']
    row = next(line for line in text.splitlines() if line.startswith('| poco '))
    assert f'{np.mean(own):.1f} ± {np.std(own, ddof=1):.1f}' in row
    assert next(line for line in text.splitlines() if line.startswith('| none ')).count(' - |') == 2  # no sigma, no PCC

    again = FakeLab(body)
    reproduce_study(again, PLAN, tmp_path, body, quiet)
    assert [cell.study for cell, _ in again.trained] == ['teacher']  # asked for its weights alone
    (tmp_path / 'cells' / 'lift-nflow-seed1-10+2' / 'result.json').unlink()
    more = FakeLab(body)
    reproduce_study(more, PLAN, tmp_path, body, quiet)
    assert [cell.name for cell, _ in more.trained] == ['lift-nflow-seed1-10+2', 'lift-poco-seed0-10+2-teacher']


def test_sigma_is_a_variance_or_a_scale(body):
    """Whoever states the very error as its variance has PCC 1: gauss by sigma itself, the others by its square."""
    predictions = FakeLab(body).predict(Cell('lift', 'poco', 0, 10, 2), Cell('lift', 'poco', 0, 10, 2), None)
    error = rotation_errors(predictions.rotmat, predictions.true_rotmat)
    variance, scale = (dataclasses.replace(predictions, sigma=sigma) for sigma in (error, np.sqrt(error)))
    assert variance_pcc(variance, 'gauss') == pytest.approx(1) == variance_pcc(scale, 'nflow')
    assert variance_pcc(scale, 'gauss') < 0.99 and variance_pcc(variance, 'poco') < 0.99


def test_a_result_of_something_else_is_not_taken(tmp_path, body):
    lab, cell = FakeLab(body), Cell('lift', 'poco', 0, 10, 2)
    result = run_cell(lab, cell, tmp_path, body, quiet)
    assert result == run_cell(lab, cell, tmp_path, body, quiet) and len(lab.trained) == 1
    other = FakeLab(body)
    other.data_sha256 = 'other'
    with pytest.raises(DatasetError, match='data_sha256'):
        run_cell(other, cell, tmp_path, body, quiet)
    with pytest.raises(DatasetError, match='training'):
        run_cell(lab, cell, tmp_path, body, quiet, lab.samples('train'))
    (tmp_path / cell.name / 'result.json').write_text('{')
    with pytest.raises(DatasetError, match='result.json'):
        run_cell(lab, cell, tmp_path, body, quiet)


def test_spreads_by_hand():
    spread = tables.Spread.of([1.0, None, 2.0, 6.0])
    assert (spread.mean, spread.count) == (3.0, 3) and spread.deviation == pytest.approx(math.sqrt(7))
    assert spread.text(1) == '3.0 ± 2.6' and tables.Spread.of([4.0]).text(0) == '4'
    assert tables.Spread.of([None]).text(2) == '-'
    assert tables.markdown(['a', 'b'], [['x', '1']]) == ['| a | b |', '| --- | ---: |', '| x | 1 |']


def test_what_is_not_as_in_the_paper_is_said():
    def spreads(**pcc):
        return {name: {'PCC pooled': tables.Spread(value, 0.01, 3), 'PCC of variances': tables.Spread(value, 0.01, 3),
                       'PVE mm': tables.Spread(pve, 1, 3)}
                for name, (value, pve) in pcc.items()}

    good = spreads(none=(None, 90), gauss=(0.3, 1), nflow=(0.4, 1), cond_scale=(0.44, 1), cond_bdf=(0.46, 1),
                   poco=(0.5, 80))
    assert tables.order_of_paper(good) == []
    bad = {**good, **spreads(nflow=(0.2, 1), poco=(0.5, 95))}
    told = tables.order_of_paper(bad)
    assert len(told) == 3 and 'gauss (0.300' in told[0] and 'poco (95.0' in told[2]
    assert told[1].startswith('PCC of variances')


def test_labels_are_kept_by_subject(body):
    people = synth_samples.samples(body, 9, 4)
    known = labelled(people, 0)
    assert known[people.subject == 'prior'].all()
    for subject in set(people.subject):
        assert len(set(known[people.subject == subject])) == 1
    assert len(set(people.subject[~known])) == 3 and len(set(people.subject[known])) == 3 + 1
    with pytest.raises(DatasetError, match='subjects'):
        labelled(people.take(people.subject == 'prior'), 0)


def test_choosing_by_hand():
    uncertainty = np.array([0.5, np.nan, 0.1, 0.9, 0.3])
    threshold, filtered, drawn = choose(uncertainty, 0.5, 0)
    assert threshold == pytest.approx(0.4) and filtered.tolist() == [False, False, True, False, True]
    assert drawn.sum() == 2 and not drawn[1]


def test_pseudo_labels_hold_nothing_of_the_truth(body):
    people = synth_samples.samples(body, 3, 4)
    lab = FakeLab(body)
    said = lab.predict(Cell('lift', 'poco', 0, 1, 1), None, people)
    fooled = dataclasses.replace(
        people, pose=people.pose * np.nan, joints=people.joints * np.nan, betas=people.betas * np.nan,
        transl=people.transl * np.nan, joint_visibility=np.zeros_like(people.joint_visibility))
    made = with_pseudo_labels(fooled, said, body)
    np.testing.assert_allclose(body.joints(made.pose, made.betas, made.transl), said.joints_m, atol=1e-4)
    np.testing.assert_allclose(axis_angle_to_matrix(made.pose), said.rotmat, atol=1e-4)
    assert set(np.unique(made.joint_visibility)) <= {0, 3} and (made.joint_visibility == 3).mean() > 0.5
    both = joined(people, made)
    assert len(both) == 24 and len(both.landmarks) == 24
    np.testing.assert_array_equal(both.pose[12:], made.pose)


def test_the_sweep_tells_whether_sigma_rises():
    rng = np.random.default_rng(0)
    covered = np.zeros((100, 24), bool)
    covered[30:60, [4, 7]] = True
    sigma = rng.normal(1, 0.1, (100, 24))
    sigma[30:60, 4] += 0.15
    sigma[90] = np.nan
    summary = sweep_summary(Sweep('x', np.arange(100.0), 's', covered, sigma, error_mm=100 * sigma))
    knee, ankle = summary['joints']
    assert (knee['joint'], ankle['joint'], summary['lost']) == ('left_knee', 'left_ankle', 1)
    metrics = pytest.importorskip('sklearn.metrics')
    kept = np.arange(100) != 90
    assert knee['auroc'] == pytest.approx(metrics.roc_auc_score(covered[kept, 4], sigma[kept, 4]))
    assert knee['auroc'] > 0.75 > ankle['auroc'] and knee['error_covered_mm'] > knee['error_clear_mm']
    assert 'sigma_without' not in knee and np.isnan(summary['auroc_rise'])
    assert auroc([1, 1], [1, 1]) == 0.5 and auroc([2], [1, 3]) == 0.5
    with pytest.raises(ValueError, match='shapes'):
        Sweep('x', np.arange(3.0), 's', covered, sigma)


def test_what_a_pose_explains_is_no_rise():
    covered = np.zeros((100, 24), bool)
    covered[30:60, [4, 7]] = True
    without = np.random.default_rng(0).uniform(0.1, 0.9, (100, 24))
    sigma = without + 0.001 * np.random.default_rng(1).normal(size=(100, 24))
    sigma[30:60, 4] += 0.05
    sweep = Sweep('x', np.arange(100.0), 's', covered, sigma, sigma_without=without)
    knee, ankle = sweep_summary(sweep)['joints']
    assert knee['auroc_rise'] == 1 and knee['auroc'] < 0.8 and 0.3 < ankle['auroc_rise'] < 0.7
    assert knee['rise_covered'] == pytest.approx(0.05, abs=1e-3) and knee['rise_clear'] == pytest.approx(0, abs=1e-3)
    assert knee['sigma_without'] == pytest.approx(without[30:60, 4].mean())
    twice = joined_sweeps('both', [sweep, sweep])
    assert len(twice.position) == 200 and twice.error_mm is None and twice.sigma_without.shape == (200, 24)
    assert sweep_summary(twice)['joints'][0]['rise_covered'] == pytest.approx(knee['rise_covered'])
    with pytest.raises(ValueError, match='no sweeps'):
        joined_sweeps('none', [])
