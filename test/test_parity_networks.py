"""The checks of whole networks: the specification's set at full size, and what does not depend on its sizes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from parity_sets import spoilt

from poco_ros.evaluation.parity.comparison import compare
from poco_ros.evaluation.parity.golden import Context, GoldenFile, check_file, load_arrays
from poco_ros.evaluation.parity.network_files import FILES
from poco_ros.evaluation.parity.network_training import Batch
from poco_ros.evaluation.parity.weights import filled
from poco_ros.networks.mock_weights import mock_state
from poco_ros.networks.model import Encoding, PocoModel
from poco_ros.networks.variants import OFFICIAL

Arrays = dict[str, np.ndarray]
BY_REGRESSOR = {file.name.removeprefix('poco_').removesuffix('.npz'): file for file in FILES}


@pytest.fixture(scope='module')
def golden_folder(shared_dir: Path) -> Path:
    return shared_dir / 'spec' / 'golden'


@pytest.mark.shared
@pytest.mark.parametrize('regressor', BY_REGRESSOR)
def test_the_specifications_networks_agree(regressor: str, golden_folder: Path, tmp_path: Path) -> None:
    """Every array; then every array spoilt, against what was computed before: each must be missed by its name."""
    file = BY_REGRESSOR[regressor]
    computed: Arrays = {}

    def compute(golden: Arrays, context: Context) -> Arrays:
        computed.update(file.compute(golden, context))
        return computed

    result = check_file(dataclasses.replace(file, compute=compute), Context('A', golden_folder))
    assert result.passed, (result.problem, result.misses)
    assert len(result.arrays) == len(file.inputs) + len(file.outputs)
    known: GoldenFile = dataclasses.replace(file, compute=lambda golden, context: computed)
    arrays = load_arrays(golden_folder / file.name)
    off = {name: spoilt(arrays[name], output.limit) for name, output in file.outputs.items() if arrays[name].size}
    np.savez(tmp_path / file.name, **{**arrays, **off})
    assert [array.name for array in check_file(known, Context('A', tmp_path)).misses] == list(off)


@pytest.mark.shared
def test_people_are_independent_of_how_many_there_are(golden_folder: Path) -> None:
    file = BY_REGRESSOR['hmr']
    golden = load_arrays(golden_folder / file.name)
    rows = [2, 0, 3]
    computed = file.compute({name: golden[name][rows] for name in file.inputs}, Context('A', golden_folder))
    with_smpl = golden['has_smpl'] > 0
    for name in file.outputs:
        if name.startswith(('loss_', 'grad_', 'total_')):
            continue  # of the whole batch
        expected = golden[name]
        if name.endswith('log_phi'):
            expected = np.stack([expected[with_smpl[:row].sum()] for row in rows if with_smpl[row]])
        elif len(expected.shape) and len(expected) == 4:
            expected = expected[rows]
        result = compare(name, expected, computed[name], file.outputs[name].limit)
        assert result.passed, result


@pytest.mark.shared
def test_true_poses_are_shown_to_the_scale_network(golden_folder: Path) -> None:
    """With four samples of h36m the first one is conditioned: its sigma alone changes."""
    golden = load_arrays(golden_folder / 'poco_cliff.npz')
    batch = Batch.of({**golden, 'dataset_name': np.array(['h36m'] * 4)}, 'cliff')
    assert batch.conditioned.tolist() == [True, False, False, False]
    assert not Batch.of(golden, 'cliff').conditioned.any()
    assert not Batch.of({**golden, 'dataset_name': np.array(['h36m'] * 4)}, 'hmr').conditioned.any()
    # the image network is not run, so a small one does
    model = PocoModel(dataclasses.replace(OFFICIAL['poco_cliff'], backbone='resnet50'))
    model.load_state_dict(mock_state(model, 'A'))
    encoding = Encoding(torch.from_numpy(golden['uncert_feat']))
    with torch.no_grad():
        prediction = batch.predict(model.eval(), encoding, torch.from_numpy(golden['bbox_info']))
        truth = batch.targets.rotmat[:1]
        scale_network = filled(model.uncert_head, 'uncert_head', 'A')
        shown = scale_network(encoding.features[:1], truth)
    np.testing.assert_allclose(prediction.sigma[1:], golden['train_sigma'][1:], atol=1e-5)
    np.testing.assert_allclose(prediction.sigma[:1], shown, atol=1e-6)
    assert np.abs(prediction.sigma[0].numpy() - golden['train_sigma'][0]).max() > 1e-3
