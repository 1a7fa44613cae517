"""A frame in the mirror: picture, labels and truth fit each other as they did before."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from synth_motion import write_motion

from poco_ros.body.model_file import load_body_model
from poco_ros.body.smpl import MIRROR
from poco_ros.evaluation.infill.motion_file import load_motion
from poco_ros.synth.config import SynthConfig
from poco_ros.synth.mirror import mirrored
from poco_ros.synth.sequence import SequenceMaker


@pytest.fixture(scope='module')
def shown(tmp_path_factory):
    """Scenes with their first picture."""
    path = write_motion(tmp_path_factory.mktemp('motion') / 'motion.npz')
    maker = SequenceMaker(SynthConfig(path, frames=2), load_motion(path), load_body_model())
    found = []
    for seed in range(12):
        scene = maker.draw(np.random.default_rng(seed), 'train')
        pictures = maker.pictures(scene)
        if pictures is not None:
            found.append((scene, pictures[0], mirrored(pictures[0], scene.view, scene.subject.person.rest_joints)))
    assert len(found) >= 4
    return found


def pixels(picture, view):
    return view.project(picture.joints.astype(np.float64))


def test_joints_lie_where_the_mirror_shows_them(shown):
    """As far as the body is symmetric: within a fiftieth of its size."""
    for scene, picture, other in shown:
        view = scene.view
        expected = pixels(picture, view)[MIRROR] * [-1, 1] + [view.width - 1, 0]
        size = (picture.box_px[2:] - picture.box_px[:2]).max()
        assert np.abs(pixels(other, view) - expected).max() < 0.02 * size
        box = picture.box_px[[2, 1, 0, 3]] * [-1, 1, -1, 1] + [view.width - 1, 0, view.width - 1, 0]
        np.testing.assert_allclose(other.box_px, box)


def test_joints_are_those_of_the_same_shape_in_the_mirrored_pose(shown):
    body = load_body_model()
    for scene, _, other in shown:
        joints = body.joints(other.rotmats[None], scene.subject.person.betas[None], other.transl[None])[0]
        np.testing.assert_allclose(other.joints, joints, atol=1e-5)


def test_the_window_shows_the_same_part_the_other_way_round(shown):
    for scene, picture, other in shown:
        there = picture.window.to_window(pixels(picture, scene.view))
        mirror_px = pixels(picture, scene.view) * [-1, 1] + [scene.view.width - 1, 0]
        np.testing.assert_allclose(
            other.window.to_window(mirror_px), there * [-1, 1] + [picture.window.width - 1, 0], atol=1e-6)
        np.testing.assert_array_equal(other.image, picture.image[:, ::-1])
        np.testing.assert_array_equal(other.label, picture.label[:, ::-1])


def test_the_mirror_in_the_mirror_is_what_it_was(shown):
    for scene, picture, other in shown:
        twice = mirrored(other, scene.view, scene.subject.person.rest_joints)
        for field in dataclasses.fields(picture):
            before, after = getattr(picture, field.name), getattr(twice, field.name)
            if field.name == 'window':
                assert (before.x0, before.y0, before.scale) == pytest.approx((after.x0, after.y0, after.scale))
            else:
                np.testing.assert_allclose(after, before, atol=1e-5)
