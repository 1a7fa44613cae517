"""The state of a training comes back as it was, and the log forgets what lies behind it."""

from __future__ import annotations

import pytest
import torch

from poco_ros.errors import TrainingError
from poco_ros.training.loss_config import LossConfig
from poco_ros.training.train_log import COLUMNS, TrainLog
from poco_ros.training.train_state import Best, TrainState

STATE = TrainState({'seed': 3, 'variant': {'hidden': [216]}}, 7, {'w': torch.arange(3.0)},
                   {'state': {0: {'exp_avg': torch.ones(3)}}, 'param_groups': [{'lr': 0.1, 'params': [0]}]},
                   Best(-0.5, 6, {'val_pcc': 0.5, 'val_mpjpe_mm': float('nan')}, {'w': torch.zeros(3)}), {'total': 2.0})


def test_a_state_comes_back(tmp_path):
    path = tmp_path / 'training' / 'state.pt'
    STATE.save(path)
    back = TrainState.load(path)
    assert (back.identity, back.step, back.sums) == (STATE.identity, 7, {'total': 2.0})
    assert torch.equal(back.weights['w'], STATE.weights['w']) and torch.equal(back.best.weights['w'], torch.zeros(3))
    assert torch.equal(back.optimiser['state'][0]['exp_avg'], torch.ones(3)) and back.best.score == -0.5
    assert list(path.parent.iterdir()) == [path]


def test_a_state_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / 'state.pt'
    STATE.save(path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(torch, 'save', full)
    with pytest.raises(TrainingError, match='No space left on device.*free some disk space'):
        STATE.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_code_in_a_state_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath('ran').write_text, ('',))

    torch.save({'format': 1, 'step': Evil()}, tmp_path / 'state.pt')
    with pytest.raises(TrainingError, match='is broken'):
        TrainState.load(tmp_path / 'state.pt')
    assert not (tmp_path / 'ran').exists()


def test_the_log_goes_on_behind_a_step(tmp_path):
    log = TrainLog(tmp_path, 0)
    for step in (2, 4, 6):
        log.write({'step': step, 'stage': 1, 'total': step / 7, 'val_pcc': float('nan')})
    log.close()
    before = (tmp_path / 'log.csv').read_text().splitlines()
    assert before[0].split(',') == list(COLUMNS) and len(before) == 4 and ',nan' not in before[1]
    log = TrainLog(tmp_path, 5)
    log.write({'step': 6, 'stage': 2})
    log.close()
    after = (tmp_path / 'log.csv').read_text().splitlines()
    assert after[:3] == before[:3] and after[3].startswith('6,2,')
    TrainLog(tmp_path, 0).close()
    assert (tmp_path / 'log.csv').read_text().splitlines() == before[:1]


def test_rotations_can_count_more():
    config = LossConfig(pose_term='gaussian_scale', flow_term='density', pose=1e-4, nf=2e-4)
    heavier = config.with_pose_weight(30)
    assert (heavier.pose, heavier.nf) == pytest.approx((3e-3, 6e-3)) and heavier.kp3d == config.kp3d
