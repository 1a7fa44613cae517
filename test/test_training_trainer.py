"""Training: it learns, sigma follows the noise, it goes on exactly where it was left, and what goes wrong is told."""

from __future__ import annotations

import csv
import dataclasses
import functools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from lift_samples import SWUNG, lift_samples, open_body
from scipy import stats

from poco_ros.errors import TrainingError
from poco_ros.networks.model import PocoModel
from poco_ros.training import trainer as trainer_module
from poco_ros.training.formulations import formulation
from poco_ros.training.lift_data import LiftData, lift_data
from poco_ros.training.smpl_layer import SmplLayer
from poco_ros.training.starting_point import new_network, start_from
from poco_ros.training.train_config import TrainConfig
from poco_ros.training.train_state import TrainState
from poco_ros.training.trainer import STATE_FILE, Outcome, Task, Trainer

torch.set_num_threads(1)
SHORT = TrainConfig(steps=6, scale_steps=4, batch=16, validate_every=2, log_every=3, warmup_steps=2,
                    validation_samples=32)


@functools.cache
def people(count: int, seed: int) -> LiftData:
    return lift_data(lift_samples(count, seed))


def small_variant(name: str):
    made = formulation(name, 'lift', 'paper')
    smaller = dataclasses.replace(made.variant, encoder_width=64, encoder_blocks=1, head_hidden=96, flow_context=32)
    return smaller, made.losses


def some_trainer(folder: Path, config: TrainConfig = SHORT, name: str = 'poco', **changes: object) -> Trainer:
    variant, losses = small_variant(name)
    body = SmplLayer(open_body(), only_vertices=np.arange(0, open_body().num_vertices, 64))
    task = Task(losses, people(200, 0), people(64, 1), body, {'variant': variant.to_dict()})
    task = dataclasses.replace(task, **changes)
    model = new_network(variant, config)
    start_from(model, task.data)
    return Trainer(model, task, config, folder)


def weights(model: PocoModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def log_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / 'log.csv').open() as file:
        return list(csv.DictReader(file))


def stop_after(trainer: Trainer, step: int) -> Outcome:
    return trainer.run(stop=lambda: trainer.step >= step)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A training without interruption."""
    folder = tmp_path_factory.mktemp('whole')
    trainer = some_trainer(folder)
    outcome = trainer.run()
    return outcome, weights(trainer.model), folder


@pytest.mark.parametrize('steps', [(5,), (6,), (2, 3, 7, 9)])
def test_it_goes_on_to_the_last_bit(whole, tmp_path, steps):
    """Left in the middle of a stage, between rows of the log, between the stages, and again and again."""
    for i, step in enumerate(steps):
        trainer = some_trainer(tmp_path)
        if i:
            trainer.resume()
        torch.manual_seed(i)  # what else draws random numbers in the process does not matter
        assert stop_after(trainer, step) == Outcome(False, step, trainer._best.numbers if trainer._best else {})
    trainer = some_trainer(tmp_path)
    trainer.resume()
    assert trainer.run() == whole[0]
    assert_same(weights(trainer.model), whole[1])
    assert_same(TrainState.load(tmp_path / STATE_FILE).weights, TrainState.load(whole[2] / STATE_FILE).weights)
    assert (tmp_path / 'log.csv').read_text() == (whole[2] / 'log.csv').read_text()


def test_killed_it_goes_on_from_the_last_validation(whole, tmp_path):
    """Nobody saves the state when the process is killed; rows of the log behind the state come again."""
    class Killed(BaseException):
        pass

    def kill(step: int, _: object) -> None:
        if step == 5:
            raise Killed

    with pytest.raises(Killed):
        some_trainer(tmp_path).run(kill)
    assert TrainState.load(tmp_path / STATE_FILE).step == 4
    with (tmp_path / 'log.csv').open('a') as file:
        file.write('5,1,0.1\n6,cut o')
    trainer = some_trainer(tmp_path)
    trainer.resume()
    trainer.run()
    assert_same(weights(trainer.model), whole[1])
    assert (tmp_path / 'log.csv').read_text() == (whole[2] / 'log.csv').read_text()


def test_the_seed_decides(whole, tmp_path):
    again, other = (some_trainer(tmp_path / str(seed), dataclasses.replace(SHORT, seed=seed)) for seed in (0, 1))
    again.run()
    other.run()
    assert_same(weights(again.model), whole[1])
    assert not torch.equal(other.model.state_dict()['head.fc2.weight'], whole[1]['head.fc2.weight'])


def test_a_finished_training_has_nothing_left_to_do(whole):
    trainer = some_trainer(whole[2])
    trainer.resume()
    assert trainer.run() == whole[0]
    assert_same(weights(trainer.model), whole[1])


def test_the_second_stage_changes_scale_network_and_flow_alone(tmp_path):
    trainer = some_trainer(tmp_path, dataclasses.replace(SHORT, scale_steps=8))
    stop_after(trainer, SHORT.steps)
    first = weights(trainer.model)
    trainer.resume()
    stop_after(trainer, SHORT.steps + 7)
    second = trainer.model.state_dict()
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    assert {name.split('.')[0] for name in changed} == {'uncert_head', 'flow_head'}
    trained = {name for name, _ in trainer.model.named_parameters() if name.startswith(('uncert_head', 'flow_head'))}
    assert changed == trained


def test_without_sigma_there_is_one_stage(tmp_path):
    trainer = some_trainer(tmp_path, name='none')
    outcome = trainer.run()
    assert outcome.finished and outcome.step == trainer.total_steps == SHORT.steps
    assert math.isnan(outcome.numbers['val_pcc'])
    again = some_trainer(tmp_path, name='none')
    again.resume()
    assert again.run().step == SHORT.steps


def test_the_log(whole):
    rows = log_rows(whole[2])
    assert [int(row['step']) for row in rows] == [2, 3, 4, 6, 8, 9, 10]
    assert [row['stage'] for row in rows] == ['1'] * 4 + ['2'] * 3
    assert [bool(row['val_pve_mm']) for row in rows] == [True, False, True, True, True, False, True]
    first, last = rows[0], rows[-1]
    terms = [float(first[name]) for name in ('pose', 'turn', 'betas', 'kp3d', 'kp2d', 'nf')]
    assert float(first['total']) == pytest.approx(sum(terms), rel=1e-4) and first['shape'] == first['cam'] == ''
    assert last['kp3d'] == '' and float(last['pose']) + float(last['nf']) == pytest.approx(float(last['total']))
    assert list((whole[2] / 'tensorboard').glob('events.*'))


def test_the_best_of_each_stage_is_kept(whole):
    rows = [row for row in log_rows(whole[2]) if row['val_pve_mm']]
    first = [row for row in rows if row['stage'] == '1']
    pve = min(float(row['val_pve_mm']) for row in first)
    at_best = next(row for row in first if float(row['val_pve_mm']) == pve)
    assert whole[0].numbers['val_pve_mm'] == pytest.approx(pve, rel=1e-6)
    candidates = [at_best] + [row for row in rows if row['stage'] == '2']
    assert whole[0].numbers['val_pcc'] == pytest.approx(max(float(row['val_pcc']) for row in candidates), rel=1e-6)


@pytest.fixture(scope='module')
def learnt(tmp_path_factory):
    """Long enough to learn something."""
    folder = tmp_path_factory.mktemp('learnt')
    config = TrainConfig(steps=300, scale_steps=150, batch=64, validate_every=150, log_every=50, warmup_steps=10,
                         learning_rate=3e-3, validation_samples=256)
    trainer = some_trainer(folder, config, data=people(2048, 2), validation=people(256, 3))
    return trainer.run(), trainer.model, folder


def test_it_learns(learnt):
    rows = log_rows(learnt[2])
    assert float(rows[5]['kp3d']) < 0.6 * float(rows[0]['kp3d'])  # a length, no square
    untrained = some_trainer(learnt[2], validation=people(256, 3))
    before = untrained._validation(untrained.model, torch.device('cpu'))
    for name in ('val_mpjpe_mm', 'val_pa_mpjpe_mm', 'val_pve_mm'):
        assert learnt[0].numbers[name] < 0.75 * before[name], name


def test_sigma_rises_with_what_is_hidden(learnt):
    """People never seen in training; the noise of the landmarks was made to grow with the occlusion."""
    data, hidden = people(512, 9), lift_samples(512, 9).occlusion
    with torch.no_grad():
        prediction = learnt[1].eval()(data.vector, data.bbox_info)
    # of those joints that the landmarks tell of
    assert stats.spearmanr(prediction.sigma[:, SWUNG].mean(1), hidden).statistic > 0.5
    assert learnt[0].numbers['val_pcc'] > 0.3


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_state(tmp_path):
    trainer = some_trainer(tmp_path)
    stop_after(trainer, 4)
    good = (tmp_path / STATE_FILE).read_bytes()
    trainer = some_trainer(tmp_path)
    trainer.resume()
    trainer.model.head.fc1.weight.data[0, 0] = torch.nan
    with pytest.raises(TrainingError, match=r'step 5 of the training is no number \(total, .*kp3d.*--learning-rate'):
        trainer.run()
    assert (tmp_path / STATE_FILE).read_bytes() == good
    trainer = some_trainer(tmp_path)
    trainer.resume()
    assert trainer.run().finished


@pytest.mark.parametrize('error', [
    torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 20.00 GiB'),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
])
def test_too_little_memory(tmp_path, monkeypatch, error):
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(trainer_module.Objective, '__call__', full)
    with pytest.raises(TrainingError, match='memory of cpu does not suffice for 16 people a step: .* smaller --batch'):
        some_trainer(tmp_path).run()


def test_other_mistakes_are_not_taken_for_that(tmp_path, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError('shapes cannot be multiplied')

    monkeypatch.setattr(trainer_module.Objective, '__call__', broken)
    with pytest.raises(RuntimeError, match='shapes cannot be multiplied'):
        some_trainer(tmp_path).run()


def test_nothing_to_go_on_with(tmp_path):
    with pytest.raises(TrainingError, match='no training to go on with: .* leave out --resume'):
        some_trainer(tmp_path).resume()


@pytest.mark.parametrize(('changes', 'name'), [
    ({'config': dataclasses.replace(SHORT, batch=8)}, 'batch'),
    ({'config': dataclasses.replace(SHORT, seed=2)}, 'seed'),
    ({'name': 'gauss'}, 'flow_term'),
    ({'identity': {'data_sha256': 'b'}}, 'data_sha256'),
    ({'data': people(48, 7)}, 'people'),
])  # fmt: skip
def test_another_training_does_not_go_on_from_here(whole, changes, name):
    with pytest.raises(TrainingError, match=f'the training in this folder has {name} = .* another folder'):
        some_trainer(whole[2], **changes).resume()


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04 cut off', b'\x80\x02}q\x00.'])
def test_a_broken_state(tmp_path, content):
    (tmp_path / STATE_FILE).write_bytes(content)
    with pytest.raises(TrainingError, match=r'state\.pt is (broken|no state)'):
        some_trainer(tmp_path).resume()


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(TrainingError, match='cannot be written'):
        some_trainer(tmp_path / 'file' / 'training').run()


def test_every_epoch_sees_everybody_once(tmp_path):
    trainer = some_trainer(tmp_path)
    epochs = []
    for epoch in range(2):
        rows = []
        for place in range(200 // 16):
            trainer.step = epoch * (200 // 16) + place
            rows += trainer._rows().tolist()
        assert len(rows) == len(set(rows)) == 192
        epochs.append(rows)
    assert epochs[0] != epochs[1]
