import dataclasses

import numpy as np
import pytest
from network_files import cached
from synth_motion import write_motion

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.model_file import load_body_model
from poco_ros.body.pose_transforms import flip_pose
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.errors import DatasetError, PocoError
from poco_ros.people.model_files import DETECTOR, LANDMARKER
from poco_ros.synth import generate as module
from poco_ros.synth.config import SynthConfig
from poco_ros.synth.generate import generate
from poco_ros.synth.shards import read_dataset, read_shard, shard_path
from poco_ros.synth.stored_crops import StoredCrops
from poco_ros.synth.viewpoint import ViewConfig

FRAMES = 3


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    cached(DETECTOR), cached(LANDMARKER)
    mocap = write_motion(tmp_path_factory.mktemp('mocap') / 'motion.npz')
    return SynthConfig(mocap, seed=4, count=47, frames=FRAMES, crops=True)


@pytest.fixture(scope='module')
def made(config, tmp_path_factory):
    """A data set of three shards of six sequences, the last one cut short."""
    folder = tmp_path_factory.mktemp('made')
    before, module.SEQUENCES_PER_SHARD = module.SEQUENCES_PER_SHARD, 6
    generate(config, folder)
    module.SEQUENCES_PER_SHARD = before
    return folder


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(module, 'SEQUENCES_PER_SHARD', 6)


def test_joints_are_the_body_models(made):
    samples = read_dataset(made)
    assert len(samples) == 47
    rest = load_body_model().rest_joints(samples.betas).astype(np.float64)
    joints, _ = forward_kinematics(axis_angle_to_matrix(samples.pose.astype(np.float64)), rest)
    assert np.abs(joints + samples.transl[:, None] - samples.joints).max() < 1e-5


def test_blazepose_sees_the_person_whose_pose_is_the_truth(made):
    """The median landmark of well-seen people lies within a few hundredths of the body's size of its joint."""
    samples = read_dataset(made)
    pixels = samples.joints[..., :2] / samples.joints[..., 2:] * samples.intrinsics[:, None, :2]
    pixels += samples.intrinsics[:, None, 2:]
    size = (samples.box_px[:, 2:] - samples.box_px[:, :2]).max(axis=1)
    sure = samples.landmarks.score > 0.9
    assert sure.mean() > 0.3
    for landmark, joint in ((11, 16), (12, 17), (23, 1), (24, 2), (27, 7), (28, 8)):  # left and right do not swap
        away = np.linalg.norm(samples.landmarks.image_px[:, landmark] - pixels[:, joint], axis=1) / size
        assert np.median(away[sure & (samples.joint_visibility[:, joint] == 3)]) < 0.08


def test_people_clothes_and_backgrounds_of_a_split_occur_in_no_other(made):
    samples = {}
    for split in ('train', 'val', 'calibration', 'test'):
        try:
            samples[split] = read_dataset(made, split)
        except DatasetError:
            continue
    assert len(samples) >= 2
    for column in ('subject', 'outfit', 'background'):
        seen = [set(getattr(part, column)) - {'prior'} for part in samples.values()]
        assert len(set.union(*seen)) == sum(map(len, seen))


def test_a_sequence_is_one_person(made):
    samples = read_dataset(made)
    for sequence in np.unique(samples.sequence):
        rows = samples.take(samples.sequence == sequence)
        same = len(np.unique(rows.betas, axis=0)), len(set(rows.outfit)), len(np.unique(rows.intrinsics, axis=0))
        assert same == (1, 1, 1)
        assert rows.frame.tolist() == list(range(len(rows)))


def test_an_interrupted_run_goes_on_and_gives_the_same(config, made, tmp_path):
    folder = tmp_path / 'again'
    seen = []

    def interrupt(done, total):
        seen.append((done, total))
        if done == 18:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(config, folder, progress=interrupt)
    assert shard_path(folder, 0).exists() and not shard_path(folder, 1).exists()
    with pytest.raises(DatasetError, match='shard-00001'):
        read_dataset(folder)
    stamp = shard_path(folder, 0).stat().st_mtime_ns
    generate(config, folder, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 47), (18, 47), (18, 47), (36, 47), (47, 47)]
    assert shard_path(folder, 0).stat().st_mtime_ns == stamp
    for shard in range(3):
        first, second = read_shard(shard_path(made, shard)), read_shard(shard_path(folder, shard))
        assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_broken_shard_is_made_anew(config, made, tmp_path):
    whole = read_shard(shard_path(made, 0))
    small = dataclasses.replace(config, count=18)
    generate(small, tmp_path)
    shard_path(tmp_path, 0).write_bytes(b'broken')
    generate(small, tmp_path)
    again = read_shard(shard_path(tmp_path, 0))
    assert np.array_equal(again['landmarks_image_px'], whole['landmarks_image_px'])


def test_more_samples_extend_a_data_set(config, made, tmp_path):
    generate(dataclasses.replace(config, count=4), tmp_path)
    generate(dataclasses.replace(config, count=18), tmp_path)
    assert np.array_equal(read_dataset(tmp_path).pose, read_shard(shard_path(made, 0))['pose'])


def test_other_settings_in_the_same_folder_are_refused(config, made):
    with pytest.raises(DatasetError, match='seed'):
        generate(dataclasses.replace(config, seed=5), made)
    with pytest.raises(DatasetError, match='view'):
        generate(dataclasses.replace(config, view=ViewConfig(1.0, 1.0)), made)
    with pytest.raises(DatasetError, match='fewer samples'):
        generate(dataclasses.replace(config, count=10), made)


def test_two_processes_make_what_one_makes(config, made, tmp_path):
    generate(dataclasses.replace(config, count=36), tmp_path, workers=2)
    assert np.array_equal(read_dataset(tmp_path).features, read_dataset(made).features[:36])


def test_one_split_alone(config, tmp_path):
    generate(dataclasses.replace(config, count=FRAMES, split='calibration', crops=False), tmp_path)
    assert len(read_dataset(tmp_path, 'calibration')) == FRAMES
    with pytest.raises(DatasetError, match='--crops'):
        StoredCrops(tmp_path)


def test_crops_show_the_person(made):
    crops, samples = StoredCrops(made), read_dataset(made)
    assert len(crops) == len(samples)
    pictures = crops.take(np.arange(5))
    assert pictures.shape == (5, 224, 224, 3) and pictures.std() > 10
    pixels = samples.joints[:, 0, :2] / samples.joints[:, 0, 2:] * samples.intrinsics[:, :2] + samples.intrinsics[:, 2:]
    inside = np.abs(pixels - crops.squares[:, :2]) < crops.squares[:, 2:] / 2
    assert inside.all(axis=1).mean() > 0.8


def test_a_licence_that_no_clip_has(config, tmp_path):
    with pytest.raises(PocoError, match='licence'):
        generate(dataclasses.replace(config, licence='GPL'), tmp_path)


def test_a_missing_motion_file_is_named(config, tmp_path):
    with pytest.raises(PocoError, match=r'nowhere\.npz'):
        generate(dataclasses.replace(config, mocap=tmp_path / 'nowhere.npz'), tmp_path)


def test_in_the_mirror_every_picture_shows_a_second_pose_of_the_same_sequence(config, tmp_path):
    """Its landmarks too: BlazePose has looked at the mirrored picture itself."""
    generate(dataclasses.replace(config, count=4 * 2 * FRAMES, crops=False, mirrored=True), tmp_path)
    samples = read_dataset(tmp_path)
    assert samples.sequence.tolist() == np.repeat(range(4), 2 * FRAMES).tolist()
    assert samples.frame.tolist() == list(range(2 * FRAMES)) * 4
    rows = np.flatnonzero(samples.frame < FRAMES)
    here, there = samples.take(rows), samples.take(rows + FRAMES)
    np.testing.assert_array_equal(here.betas, there.betas)
    turned = axis_angle_to_matrix(flip_pose(here.pose))
    np.testing.assert_allclose(axis_angle_to_matrix(there.pose), turned, atol=1e-5)
    np.testing.assert_allclose(there.joints[:, 0], here.joints[:, 0] * [-1, 1, 1], atol=1e-5)
    both = (here.landmarks.score > 0.9) & (there.landmarks.score > 0.9)
    assert both.any()
    mirror_px = (here.landmarks.image_px * [-1, 1])[:, [12, 11, 24, 23]] + [[[1, 0]]] * (here.image_size[:, None] - 1)
    apart = np.linalg.norm(there.landmarks.image_px[:, [11, 12, 23, 24]] - mirror_px, axis=-1).mean(axis=1)
    size = (here.box_px[:, 2:] - here.box_px[:, :2]).max(axis=1)
    assert np.median((apart / size)[both]) < 0.05
