"""The laboratory of the reproduction with the real trainer, for a handful of steps."""

from __future__ import annotations

import json

import numpy as np
import pytest
import synth_samples
import torch

from poco_ros.body.model_file import load_body_model
from poco_ros.camera import Camera
from poco_ros.evaluation.reproduce.cells import Cell
from poco_ros.evaluation.reproduce.lab import NetworkLab
from poco_ros.evaluation.synthetic import choose_split
from poco_ros.regressors.poco_lift.observation import observe
from poco_ros.synth.shards import Header, read_dataset
from poco_ros.training.train_config import TrainConfig
from poco_ros.weak_perspective import image_translation

MOTION = 'ab' * 32


@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    folder, body = tmp_path_factory.mktemp('lab') / 'data', load_body_model()
    people = synth_samples.samples(body, 6, 3)
    splits = synth_samples.split_by_sequence(people, 'train', 'val', 'test')
    synth_samples.write(folder, people, splits, recipe={'files': {'mocap': MOTION}})
    config = TrainConfig(batch=4, validate_every=2, validation_samples=4, device='cpu')
    return NetworkLab(folder, body, config, config)


def nothing(what, done, total):
    pass


def test_a_network_is_trained_once_and_its_bodies_stand_where_the_true_camera_puts_them(lab, tmp_path):
    cell, steps = Cell('lift', 'poco', 0, 2, 2), []
    network = lab.train(cell, tmp_path / cell.name, None, lambda what, done, total: steps.append((done, total)))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    again = lab.train(cell, tmp_path / cell.name, None, lambda *told: pytest.fail('trained again'))
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, again.state_dict()[name], rtol=0, atol=0, equal_nan=True)
    said, people = lab.predict(network, cell, None), lab.samples('test')
    assert len(said) == 6 and not said.lost.any() and np.isfinite(said.sigma).all()

    seen = observe(people.landmarks, people.features, people.local_features, people.landmarks.image_px,
                   people.intrinsics)
    with torch.inference_mode():
        out = network(torch.from_numpy(seen.vector), torch.from_numpy(seen.bbox_info))
    for row in range(len(people)):
        fx, fy, cx, cy = map(float, people.intrinsics[row])
        place = image_translation(out.cam[row:row + 1].numpy(), seen.squares[row:row + 1],
                                  Camera(1280, 720, fx, fy, cx, cy))
        expected = lab.body.joints(out.rotmat[row:row + 1].numpy(), out.betas[row:row + 1].numpy(), place)
        np.testing.assert_allclose(said.joints_m[row], expected[0], rtol=1e-4, atol=1e-4)
    record = json.loads((tmp_path / cell.name / 'provenance.json').read_text())
    assert record['training']['mocap_sha256'] == MOTION
    assert choose_split('auto', Header.load(lab.data), tmp_path / cell.name) == 'test'


def test_a_network_without_uncertainty_says_nan(lab, tmp_path):
    cell = Cell('lift', 'none', 1, 2, 0)
    people = read_dataset(lab.data, 'train')
    some = people.take(people.sequence == 0)
    network = lab.train(cell, tmp_path / 'none', some, nothing)
    said = lab.predict(network, cell, some)
    assert len(said) == 3 and np.isnan(said.sigma).all() and np.isnan(said.uncertainty).all()
    assert np.isfinite(said.joints_m).all()
