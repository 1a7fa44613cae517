import numpy as np

from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.synth.visibility import COVERED, OUTSIDE, TURNED_AWAY, VISIBLE, hidden_share, joint_visibility

PERSON, THING = 1, 3


def test_each_way_of_not_being_seen():
    label = np.full((10, 40), PERSON, np.int32)
    depth = np.full((10, 40), 3.0, np.float32)
    label[:, 10:20], depth[:, 10:20] = THING, 2.0  # something before the person
    label[:, 20:30], depth[:, 20:30] = THING, 5.0  # something behind a joint that sticks out
    pixels, joint_depth = np.zeros((24, 2)), np.full(24, 3.05)
    pixels[:] = [5, 5]
    knee, wrist, head, foot = (JOINT_INDEX[n] for n in ('left_knee', 'left_wrist', 'head', 'right_foot'))
    pixels[knee] = [15, 5]
    pixels[head] = [25, 5]
    joint_depth[wrist] = 3.4  # behind the person's own trunk
    inside = np.ones(24, bool)
    inside[foot] = False
    found = joint_visibility(pixels, joint_depth, label, depth, PERSON, inside)
    assert found[knee] == COVERED
    assert found[wrist] == TURNED_AWAY
    assert found[head] == VISIBLE
    assert found[foot] == OUTSIDE
    assert found[JOINT_INDEX['pelvis']] == VISIBLE


def test_hidden_share_counts_the_persons_own_pixels():
    alone = np.zeros((10, 10), bool)
    alone[2:8, 2:8] = True
    label = np.where(alone, PERSON, 0)
    label[2:5] = THING
    assert hidden_share(alone, label, PERSON) == 0.5
    assert hidden_share(np.zeros((10, 10), bool), label, PERSON) == 0.0
