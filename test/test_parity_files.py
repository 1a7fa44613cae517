"""The checks of the golden files without whole networks, on the specification's set, on others and on spoilt ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from parity_sets import evaluation, filled, flow, geometry, one_euro, spoilt, uncertainty
from parity_sets_loss import loss
from parity_sets_preproc import preproc

from poco_ros.evaluation.parity.folder import FILES
from poco_ros.evaluation.parity.golden import Context, GoldenFile, check_file, load_arrays

SMALL = [file for file in FILES if not file.name.startswith('poco_')]
LABEL = 'another'

small_files = pytest.mark.parametrize('file', SMALL, ids=lambda file: file.name)


@pytest.fixture(scope='module', params=[11, 12])
def second_set(request: pytest.FixtureRequest, shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, seed = tmp_path_factory.mktemp('golden'), request.param
    fill = filled(shared_dir, LABEL)
    crops, newer_crops = preproc(seed)
    for name, arrays in {
        'geometry': geometry(seed), 'preproc': crops, 'preproc_opencv5': newer_crops, 'one_euro': one_euro(seed),
        'eval': evaluation(seed), 'uncert': uncertainty(seed), 'flow': flow(seed, fill), 'loss': loss(seed, fill),
    }.items():  # fmt: skip
        np.savez(folder / f'{name}.npz', **arrays)
    return folder


@pytest.mark.shared
@small_files
def test_the_specifications_set_agrees(file: GoldenFile, shared_dir: Path) -> None:
    result = check_file(file, Context('A', shared_dir / 'spec' / 'golden'))
    assert result.passed, (result.problem, result.misses)
    assert len(result.arrays) == len(file.inputs) + len(file.outputs)


@pytest.mark.shared
@small_files
def test_sets_made_otherwise_agree(file: GoldenFile, second_set: Path) -> None:
    result = check_file(file, Context(LABEL, second_set))
    assert result.passed, (result.problem, result.misses)


@pytest.mark.shared
@small_files
def test_every_array_that_is_off_is_named(file: GoldenFile, shared_dir: Path, tmp_path: Path) -> None:
    golden = shared_dir / 'spec' / 'golden'
    if file.name == 'preproc_opencv5.npz':
        (tmp_path / 'preproc.npz').write_bytes((golden / 'preproc.npz').read_bytes())
    arrays = load_arrays(golden / file.name)
    # what other outputs are computed from stays, and is spoilt in a run of its own
    sources = [name for name in ('crop_u8',) if name in file.outputs]
    for names in ([name for name in file.outputs if name not in sources], sources):
        changed = {name: spoilt(arrays[name], file.outputs[name].limit) for name in names}
        np.savez(tmp_path / file.name, **{**arrays, **changed})
        missed = [array.name for array in check_file(file, Context('A', tmp_path)).misses]
        assert set(names) <= set(missed) and set(missed) <= set(file.outputs)
        assert missed == names or names == sources


@pytest.mark.shared
@small_files
def test_no_output_may_be_missing(file: GoldenFile, second_set: Path, tmp_path: Path) -> None:
    for path in second_set.glob('*.npz'):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    arrays = load_arrays(second_set / file.name)
    np.savez(tmp_path / file.name, **{name: arrays[name] for name in file.inputs})
    result = check_file(file, Context(LABEL, tmp_path))
    assert not result.problem
    assert {array.name: array.problem for array in result.misses} == dict.fromkeys(file.outputs, 'is missing')


@pytest.mark.shared
@pytest.mark.parametrize('name', ['flow.npz', 'loss.npz'])
def test_weights_of_another_label_do_not_agree(name: str, second_set: Path) -> None:
    file = next(file for file in SMALL if file.name == name)
    missed = {array.name for array in check_file(file, Context('yet another', second_set)).misses}
    assert missed >= ({'cliff_z', 'pare_logprob'} if name == 'flow.npz' else {'uh_sigma', 'uh_sigma_gtcond'})
    assert not missed & {'cliff_mask', 'kp2d_loss_mean'}


def test_crops_need_the_images_of_the_other_file(tmp_path: Path) -> None:
    _, newer = preproc(0)
    np.savez(tmp_path / 'preproc_opencv5.npz', **newer)
    file = next(file for file in SMALL if file.name == 'preproc_opencv5.npz')
    result = check_file(file, Context('A', tmp_path))
    assert not result.passed and 'preproc.npz is missing' in result.problem


def test_an_index_that_is_none_is_told(tmp_path: Path) -> None:
    arrays = loss(0, lambda name, shape: np.zeros(shape))
    np.savez(tmp_path / 'loss.npz', **{**arrays, 'gt_cond_idx': np.array([400])})
    file = next(file for file in SMALL if file.name == 'loss.npz')
    result = check_file(file, Context('A', tmp_path))
    assert not result.passed and 'IndexError' in result.problem
