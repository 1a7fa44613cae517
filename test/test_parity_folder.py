"""A folder of golden files: which are checked, and what is refused before anything is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from parity_sets import geometry, uncertainty

from poco_ros.errors import ConfigError
from poco_ros.evaluation.parity import folder as parity_folder
from poco_ros.evaluation.parity.folder import FILES, check_folder
from poco_ros.evaluation.parity.weights import check_base, filled
from poco_ros.networks.mock_weights import mock_state
from poco_ros.networks.regression_heads import IterativeHead


@pytest.fixture
def two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is whole, for a specification of two files."""
    few = tuple(file for file in FILES if file.name in ('geometry.npz', 'uncert.npz'))
    monkeypatch.setattr(parity_folder, 'FILES', few)
    np.savez(tmp_path / 'geometry.npz', **geometry(1))
    np.savez(tmp_path / 'uncert.npz', **uncertainty(1))
    return tmp_path


@pytest.mark.shared
def test_the_files_are_those_of_the_specification(shared_dir: Path) -> None:
    assert {file.name for file in FILES} == {path.name for path in (shared_dir / 'spec' / 'golden').glob('*.npz')}


def test_all_files_are_checked_in_turn(two_files: Path) -> None:
    started: list[str] = []
    results = check_folder(two_files, 'A', started=started.append)
    assert [result.name for result in results] == started == ['geometry.npz', 'uncert.npz']
    assert all(result.passed for result in results)


def test_a_missing_file_and_one_too_many(two_files: Path) -> None:
    (two_files / 'uncert.npz').rename(two_files / 'surprise.npz')
    (two_files / 'manifest.json').write_text('{}')
    problems = {result.name: result.problem for result in check_folder(two_files, 'A') if not result.passed}
    assert list(problems) == ['uncert.npz', 'surprise.npz']
    assert 'is missing' in problems['uncert.npz'] and 'no golden file that is known' in problems['surprise.npz']


def test_only_some(two_files: Path) -> None:
    (two_files / 'uncert.npz').unlink()
    for name in ('geometry.npz', 'geometry'):
        assert [result.passed for result in check_folder(two_files, 'A', [name])] == [True]


def test_names_that_are_none(two_files: Path) -> None:
    with pytest.raises(ConfigError, match="'geometri'; there are geometry, uncert"):
        check_folder(two_files, 'A', ['geometry', 'geometri'])
    for folder in (two_files / 'nowhere', two_files / 'uncert.npz'):
        with pytest.raises(ConfigError, match='there is no folder'):
            check_folder(folder, 'A')


def networks_file(path: Path, base: str) -> Path:
    whole = torch.nn.ModuleDict({'head': IterativeHead(1, with_bbox_info=False)})
    state = mock_state(whole, base)
    np.savez(path, **{name: state[f'head.{name}'].numpy() for name in ('init_pose', 'init_shape', 'init_cam')})
    return path


def test_a_label_that_the_files_were_not_made_with(tmp_path: Path) -> None:
    path = networks_file(tmp_path / 'poco_hmr.npz', 'A')
    check_base([path, tmp_path / 'missing.npz'], 'A')
    with pytest.raises(ConfigError, match="not made with the base 'B'"):
        check_base([path], 'B')
    with pytest.raises(ConfigError, match='empty'):
        check_base([], '')


def test_one_changed_weight_is_no_other_label(tmp_path: Path) -> None:
    path = networks_file(tmp_path / 'poco_hmr.npz', 'A')
    arrays = dict(np.load(path))
    arrays['init_cam'][0, 0] += 1
    np.savez(path, **arrays)
    check_base([path], 'A')


def test_parts_have_the_weights_of_the_whole() -> None:
    layer = filled(torch.nn.Linear(3, 4), 'uncert_head', 'A')
    assert not layer.training
    whole = torch.nn.ModuleDict({'uncert_head': torch.nn.Linear(3, 4), 'head': torch.nn.Linear(3, 4)})
    state = mock_state(whole, 'A')
    np.testing.assert_array_equal(layer.weight.detach(), state['uncert_head.weight'])
    assert not torch.equal(state['uncert_head.weight'], state['head.weight'])
