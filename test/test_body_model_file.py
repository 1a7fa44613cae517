"""Body-model files: what is read, and what each broken file is told."""

import hashlib
import pickle
import shutil

import numpy as np
import pytest
from body_arrays import Python2Pickler, small_body, synthetic_body

from poco_ros.body.model_file import OPEN_BODY_PATH, load_body_model
from poco_ros.errors import BodyModelError


def save_npz(path, arrays):
    np.savez(path, **arrays)


def save_pickle(path, arrays):
    path.write_bytes(pickle.dumps(arrays, 2))


def save_python2_pickle(path, arrays):
    with path.open('wb') as file:
        Python2Pickler(file).dump(arrays)


FORMATS = {'npz': save_npz, 'pkl': save_pickle, 'py2.pkl': save_python2_pickle}


@pytest.mark.parametrize('suffix', FORMATS)
@pytest.mark.parametrize('num_shapes', [10, 300])
def test_every_format_gives_the_arrays_that_were_written(tmp_path, suffix, num_shapes):
    arrays = small_body(num_shapes=num_shapes)
    path = tmp_path / f'SMPL_NEUTRAL.{suffix}'
    FORMATS[suffix](path, arrays)
    model = load_body_model(path)
    assert model.name.startswith('smpl_neutral')
    assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.num_vertices == 60
    np.testing.assert_allclose(model.shapedirs, arrays['shapedirs'][:, :, :10], rtol=1e-6)
    for name in ('v_template', 'posedirs', 'J_regressor', 'weights'):
        np.testing.assert_allclose(getattr(model, name), arrays[name], rtol=1e-6)
        assert getattr(model, name).dtype == np.float32
    np.testing.assert_array_equal(model.faces, arrays['f'])
    assert model.faces.dtype == np.int32


def test_without_a_path_the_open_body(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    model = load_body_model()
    assert model.name == 'open_body'
    assert model.v_template.shape == (6890, 3) and model.faces.shape == (13776, 3)
    assert model.posedirs is None
    assert model.sha256 == hashlib.sha256(OPEN_BODY_PATH.read_bytes()).hexdigest()


def test_correctives_of_zero_are_left_out(tmp_path):
    arrays = small_body()
    arrays['posedirs'][:] = 0
    save_npz(tmp_path / 'a.npz', arrays)
    assert load_body_model(tmp_path / 'a.npz').posedirs is None


def test_the_root_may_be_its_own_unsigned_or_signed_parent(tmp_path):
    arrays = small_body()
    arrays['kintree_table'] = arrays['kintree_table'].astype(np.int64)
    arrays['kintree_table'][0, 0] = -1
    save_npz(tmp_path / 'a.npz', arrays)
    load_body_model(tmp_path / 'a.npz')


@pytest.mark.shared
def test_synthetic_body_of_the_specification(tmp_path, shared_dir):
    arrays = synthetic_body(shared_dir)
    save_pickle(tmp_path / 'synthetic.pkl', arrays)
    model = load_body_model(tmp_path / 'synthetic.pkl')
    np.testing.assert_allclose(model.posedirs, arrays['posedirs'], rtol=1e-6)


def replaced(name, make):
    def change(arrays):
        arrays[name] = make(arrays[name])

    return change


def put(array, index, value):
    array = array.copy()
    array[index] = value
    return array


BROKEN = {
    'v_template (60, 2)': replaced('v_template', lambda a: a[:, :2]),
    'v_template (0, 3)': replaced('v_template', lambda a: a[:0]),
    'v_template NaN': replaced('v_template', lambda a: put(a, (3, 1), np.nan)),
    'v_template not floating': replaced('v_template', lambda a: a.astype(int)),
    'shapedirs (59, 3': replaced('shapedirs', lambda a: a[:-1]),
    'shapedirs 9 directions': replaced('shapedirs', lambda a: a[:, :, :9]),
    'shapedirs infinity': replaced('shapedirs', lambda a: put(a, (0, 0, 0), np.inf)),
    'posedirs (60, 3, 206)': replaced('posedirs', lambda a: a[:, :, 1:]),
    'posedirs NaN': replaced('posedirs', lambda a: put(a, (0, 0, 0), np.nan)),
    'J_regressor (55, 60) SMPL-X': replaced('J_regressor', lambda a: np.ones((55, 60))),
    'J_regressor (24, 59)': replaced('J_regressor', lambda a: a[:, 1:]),
    'weights (60, 23)': replaced('weights', lambda a: a[:, 1:]),
    'weights do not sum to 1': replaced('weights', lambda a: 0.9 * a),
    'weights negative': replaced('weights', lambda a: put(a, 5, np.r_[2, -1, np.zeros(22)])),
    'f (90, 4)': replaced('f', lambda a: np.c_[a, a[:, 0]]),
    'f beyond the 60': replaced('f', lambda a: put(a, (0, 0), 60)),
    'f -1 beyond': replaced('f', lambda a: put(a.astype(int), (0, 0), -1)),
    'f not vertex numbers': replaced('f', lambda a: a.astype(float)),
    'kintree_table tree': replaced('kintree_table', lambda a: put(a, (0, 5), 3)),
    'kintree_table (2, 52)': replaced('kintree_table', lambda a: np.zeros((2, 52), int)),
    'lacks weights': lambda arrays: arrays.pop('weights'),
    'lacks v_template, f': lambda arrays: (arrays.pop('f'), arrays.pop('v_template')),
}


@pytest.mark.parametrize('suffix', ['npz', 'pkl'])
@pytest.mark.parametrize('what', BROKEN)
def test_broken_arrays_are_named_with_file_and_mend(tmp_path, suffix, what):
    arrays = small_body()
    BROKEN[what](arrays)
    path = tmp_path / f'mine.{suffix}'
    FORMATS[suffix](path, arrays)
    with pytest.raises(BodyModelError) as caught:
        load_body_model(path)
    message = str(caught.value)
    name, *hints = what.replace('(', ' ').replace(')', ' ').split()
    assert str(path) in message and name in message
    assert 'SMPL site' in message and 'open body' in message
    assert hints[-1] in message


def test_an_npz_with_objects_is_not_unpickled(tmp_path):
    marker = tmp_path / 'it_ran'

    class Payload:
        def __reduce__(self):
            import os

            return os.system, (f'touch {marker}',)

    arrays = small_body()
    arrays['J_regressor'] = np.array(Payload(), object)
    save_npz(tmp_path / 'mine.npz', arrays)
    with pytest.raises(BodyModelError, match=r"mine\.npz: 'J_regressor' is stored as a pickled object.*\.pkl"):
        load_body_model(tmp_path / 'mine.npz')
    assert not marker.exists()


def test_objects_beside_the_arrays_do_no_harm(tmp_path):
    np.savez(tmp_path / 'mine.npz', **small_body(), extra=np.array([None, 'a'], object))
    assert load_body_model(tmp_path / 'mine.npz').num_vertices == 60


def test_a_damaged_npz_is_an_error_of_ours(tmp_path):
    path = tmp_path / 'open_body.npz'
    shutil.copy(OPEN_BODY_PATH, path)
    data = bytearray(path.read_bytes())
    data[5000:5100] = bytes(100)
    path.write_bytes(data)
    with pytest.raises(BodyModelError, match=r"open_body\.npz: 'v_template' cannot be read .*download"):
        load_body_model(path)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(BodyModelError, match=r'open_body\.npz is neither .* cut short'):
        load_body_model(path)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(BodyModelError, match=r'cannot read the body model .*SMPL_NEUTRAL\.pkl \(No such file'):
        load_body_model(tmp_path / 'SMPL_NEUTRAL.pkl')
    with pytest.raises(BodyModelError, match='cannot read the body model'):
        load_body_model(tmp_path)


def test_licence_of_the_data_lies_beside_it():
    text = (OPEN_BODY_PATH.parent / 'LICENSE-CC0-1.0.txt').read_text()
    assert 'CC0 1.0 Universal' in text and '4. Limitations and Disclaimers.' in text
    assert 'CC0-1.0' in str(np.load(OPEN_BODY_PATH)['license'])
