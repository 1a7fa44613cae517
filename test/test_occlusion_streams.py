import dataclasses

import numpy as np
import pytest
from occlusion_bodies import CAMERA, body_at, standing

from poco_ros.evaluation.occlusion.streams import StreamErrors, compare, missing, smoothed, stream_errors
from poco_ros.types import Bodies, State

FRAMES = 60
STAMPS = [round(index / 30 * 1e9) for index in range(FRAMES)]
GAP = slice(30, 36)


def bad_arm() -> list[Bodies]:
    """A still person whose left arm is wrong, and known to be, for six frames; in one frame he is not found."""
    frames = []
    for index in range(FRAMES):
        bodies = body_at(0.0)
        if GAP.start <= index < GAP.stop:
            doubt, joints, pose = bodies.joint_uncertainty.copy(), bodies.joints.copy(), bodies.pose.copy()
            doubt[:, [16, 18, 20, 22]] = 0.95
            pose[:, 16] = [0, 0, -1.2]
            joints[:, [18, 20, 22], 1] += 0.3
            bodies = dataclasses.replace(bodies, joint_uncertainty=doubt, joints=joints, pose=pose)
        frames.append(Bodies.unknown(0) if index == 33 else bodies)
    return frames


@pytest.fixture(scope='module')
def errors() -> StreamErrors:
    raw = bad_arm()
    return stream_errors((raw, *smoothed(raw, STAMPS)), np.tile(standing(0.0), (FRAMES, 1, 1)), CAMERA)


def covered() -> np.ndarray:
    mask = np.zeros((FRAMES, 24), bool)
    mask[GAP, 18:23:2] = True
    return mask


def test_streams_have_a_body_for_every_frame():
    live, infilled = smoothed(bad_arm(), STAMPS)
    assert len(live) == len(infilled) == FRAMES


def test_errors_and_states_of_the_streams(errors):
    raw, live, infilled = errors.aligned_mm
    assert np.isnan(raw[33]).all() and np.isfinite(infilled[33]).all()
    there = [30, 31, 32, 34, 35]
    assert raw[there][:, [18, 20]] == pytest.approx(300, abs=1) and infilled[there][:, [18, 20]].max() < 60
    assert errors.not_trusted[there][:, 18].all() and not errors.not_trusted[33].any()
    assert not errors.not_trusted[:25].any()
    assert errors.state[0, 33, 0] == State.UNKNOWN and errors.state[2, 32, 18] == State.INFILLED
    np.testing.assert_allclose(errors.camera_mm[0, :30], raw[:30], atol=1e-3)


def test_every_sequence_counts_once_whatever_its_length(errors):
    one = compare([errors], [covered()])
    assert one['sequences'] == 1 and one['joints'] == 15 and one['aligned_mm']['raw']['deviation'] is None
    assert one['aligned_mm']['infilled - raw']['better'] == 1
    few = np.zeros((FRAMES, 24), bool)
    few[0, 5] = True
    nothing = np.zeros((FRAMES, 24), bool)
    three = compare([errors, errors, errors], [covered(), few, nothing])
    assert three['sequences'] == 2 and three['joints'] == 16
    half = [one['aligned_mm']['raw']['mean'] / 2, float(errors.aligned_mm[0, 0, 5]) / 2]
    assert three['aligned_mm']['raw']['mean'] == pytest.approx(sum(half), abs=0.11)
    assert set(three['given_up']) == {'live', 'infilled'}
    assert compare([errors], [nothing]) == {'sequences': 0, 'joints': 0}


def test_frames_without_a_raw_body_are_counted(errors):
    frames = covered().any(axis=1)
    told = missing([errors, errors], [frames, frames])
    assert told['frames'] == 12 and told['without_a_body'] == {'raw': 2, 'live': 0, 'infilled': 0}
    filled = told['filled']
    assert filled['frames'] == 2 and filled['infilled']['camera_mm'] < filled['last raw body']['camera_mm']
    # three of the joints of the body before are 300 mm too low
    assert filled['last raw body'] == {'aligned_mm': 37.5, 'camera_mm': 37.5}
    assert missing([errors], [~frames])['filled'] == {'frames': 0}
