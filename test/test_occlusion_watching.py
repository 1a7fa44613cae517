import dataclasses

import numpy as np
import pytest
from occlusion_bodies import CAMERA, body_at, looks_with_numbers, standing

from poco_ros.evaluation.occlusion.watching import bodies_of, find_again, find_people, rows, watch
from poco_ros.pipeline import Estimate
from poco_ros.types import Bodies, Boxes, People


class Counter:
    """Says which picture it is given, as the number of the track."""

    def __init__(self):
        self.seen = 0

    def process(self, frame):
        self.seen += 1
        bodies = dataclasses.replace(Bodies.unknown(1), track_id=np.array([int(frame.image[0, 0, 0])], np.int32),
                                     box_score=np.array([self.seen], np.float32))
        return Estimate(bodies, People(Boxes.empty()), {})


def test_everybody_sees_everything_once_and_in_order():
    made = []

    def looks():
        for look in looks_with_numbers(3):
            made.append(look)
            yield look

    watched = watch(looks(), {'a': Counter, 'b': Counter})
    assert len(made) == 3
    for name in 'ab':
        assert [int(bodies.track_id[0]) for bodies in watched[name].clear] == [0, 1, 2]
        assert [int(bodies.track_id[0]) for bodies in watched[name].blocked] == [100, 101, 102]
        # with and without are two estimators: neither knows what the other has seen
        for bodies in (watched[name].clear, watched[name].blocked):
            assert [int(some.box_score[0]) for some in bodies] == [1, 2, 3]
    seen = bodies_of([look.clear for look in looks_with_numbers(3)], {'a': Counter})
    assert [int(bodies.track_id[0]) for bodies in seen['a']] == [0, 1, 2]


def test_the_person_is_found_among_others_and_not_in_anybody():
    truth = np.tile(standing(0.0), (5, 1, 1))
    truth[4] = np.nan
    far, near, lost = body_at(1.2), body_at(0.1), body_at(np.nan)
    frames = [body_at(1.2, 0.1, np.nan), far, Bodies.unknown(0), lost, near]
    found = find_again(frames, truth, CAMERA)
    assert found.tolist() == [1, -1, -1, -1, -1]
    joints = rows(frames, 'joints', found)
    assert joints.shape == (5, 24, 3) and np.isnan(joints[1:]).all()
    np.testing.assert_allclose(joints[0], standing(0.1))
    with pytest.raises(ValueError, match='no field over the joints'):
        rows(frames, 'betas', found)


def test_no_body_is_two_people():
    people = np.array([[standing(0.0)] * 3, [standing(0.6)] * 3, [np.full((24, 3), np.nan)] * 3])
    frames = [body_at(0.6, 0.0), body_at(0.4), body_at(0.1, 0.2)]
    assert find_again(frames, people[0], CAMERA).tolist() == [1, 0, 0]
    assert find_people(frames, people, CAMERA).tolist() == [[1, -1, 0], [0, 0, -1], [-1, -1, -1]]
