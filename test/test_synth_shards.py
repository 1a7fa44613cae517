import json

import numpy as np
import pytest
from synth_shards import FRAMES, TABLE, write_dataset

from poco_ros.errors import DatasetError
from poco_ros.synth.shards import HEADER, SPLITS, Header, read_dataset, read_shard, shard_path, write_shard


@pytest.fixture
def folder(tmp_path):
    write_dataset(tmp_path / 'data')
    return tmp_path / 'data'


def test_all_samples_come_back_in_order(folder):
    samples = read_dataset(folder)
    assert samples.sequence.tolist() == np.repeat(np.arange(12), FRAMES).tolist()
    assert samples.subject.tolist() == [TABLE[s % 3] for s in samples.sequence]
    first = read_shard(shard_path(folder, 0))
    assert np.array_equal(samples.pose[:len(first['pose'])], first['pose'])
    assert np.array_equal(samples.landmarks.world_m[:5], first['landmarks_world_m'][:5])
    assert samples.features.dtype == np.float32


@pytest.mark.parametrize('split', SPLITS)
def test_a_split_holds_its_sequences_whole(folder, split):
    samples = read_dataset(folder, split)
    wanted = [s for s in range(12) if s % 4 == SPLITS.index(split)]
    assert samples.sequence.tolist() == np.repeat(wanted, FRAMES).tolist()


def test_taking_rows_takes_them_everywhere(folder):
    samples = read_dataset(folder)
    some = samples.take(np.array([3, 1]))
    assert np.array_equal(some.betas, samples.betas[[3, 1]])
    assert np.array_equal(some.landmarks.score, samples.landmarks.score[[3, 1]])
    assert len(some) == 2 and some.outfit.tolist() == samples.outfit[[3, 1]].tolist()


def test_numbers_of_sequences_and_shards():
    header = Header(count=50, frames=8, sequences_per_shard=3, tables={}, recipe={})
    assert (header.sequences, header.shards) == (7, 3)
    assert [list(header.of_shard(s)) for s in range(3)] == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_folder_without_data_set_is_told_so(tmp_path):
    with pytest.raises(DatasetError, match='poco synth'):
        read_dataset(tmp_path)


@pytest.mark.parametrize('text', ['', '{', '[1]', '{"format": 1}'])
def test_a_broken_header_is_named(folder, text):
    (folder / HEADER).write_text(text)
    with pytest.raises(DatasetError, match=HEADER):
        read_dataset(folder)


def test_another_format_is_refused(folder):
    values = json.loads((folder / HEADER).read_text()) | {'format': 99}
    (folder / HEADER).write_text(json.dumps(values))
    with pytest.raises(DatasetError, match='format 99'):
        read_dataset(folder)


def test_a_missing_shard_is_named(folder):
    shard_path(folder, 1).unlink()
    with pytest.raises(DatasetError, match='shard-00001.npz is missing'):
        read_dataset(folder)


def test_a_truncated_shard_is_named(folder):
    path = shard_path(folder, 1)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DatasetError, match=r'shard-00001.npz is broken.*delete it'):
        read_dataset(folder)


def test_a_flipped_bit_is_found(folder):
    path = shard_path(folder, 0)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(bytes(content))
    with pytest.raises(DatasetError, match='shard-00000.npz is broken'):
        read_dataset(folder)


def change(path, **arrays):
    values = read_shard(path) | arrays
    write_shard(path, values)


def test_labels_that_are_not_finite_are_refused(folder):
    path = shard_path(folder, 0)
    pose = read_shard(path)['pose'].copy()
    pose[7, 3, 1] = np.nan
    change(path, pose=pose)
    with pytest.raises(DatasetError, match='pose of sample 7'):
        read_dataset(folder)


def test_arrays_of_another_shape_are_refused(folder):
    path = shard_path(folder, 2)
    change(path, betas=read_shard(path)['betas'][:, :9])
    with pytest.raises(DatasetError, match='betas is'):
        read_dataset(folder)


def test_an_unknown_split_is_refused(folder):
    with pytest.raises(DatasetError, match='calibration'):
        read_dataset(folder, 'dev')


def test_an_empty_split_is_told(tmp_path):
    write_dataset(tmp_path / 'few', sequences=2)
    with pytest.raises(DatasetError, match="no sample of the split 'test'"):
        read_dataset(tmp_path / 'few', 'test')


def test_a_full_disk_is_told(tmp_path):
    with pytest.raises(DatasetError, match='goes on where it stopped'):
        write_shard(tmp_path / 'missing' / 'shard-00000.npz', {'a': np.zeros(3)})
