import numpy as np
import pytest

from poco_ros.synth.obstacles import passing_obstacle

CAMERA = np.array([0.0, 1.2, -4.0])
PERSON = np.array([[-0.3, 1.0, 0.2], [0.5, 1.0, -0.1]])
TEXTURE = np.full((256, 256, 4), 200, np.uint8)


@pytest.mark.parametrize('seed', range(8))
def test_something_passes_from_one_side_of_a_person_to_the_other(seed):
    thing = passing_obstacle(np.random.default_rng(seed), TEXTURE, PERSON, CAMERA, (30, 60))
    lines = PERSON - CAMERA
    sides = []
    for frame, line in zip((30, 60), lines, strict=True):
        vertices = thing.at(frame) - CAMERA
        away = vertices[:, 0] * line[2] - vertices[:, 2] * line[0]  # signed distance from the line of sight
        assert (away > 0).all() or (away < 0).all(), 'it covers the line of sight before it arrives'
        sides.append(np.sign(away[0]))
        assert 0 < vertices[:, 2].max() < line[2], 'it is not between the two'
    assert sides[0] == -sides[1]
    steps = np.diff([thing.at(frame).mean(axis=0) for frame in range(5)], axis=0)
    assert np.allclose(steps, steps[0]) and steps[0, 1] == 0


def test_what_stands_stands_on_the_floor():
    lowest = [passing_obstacle(np.random.default_rng(seed), TEXTURE, PERSON, CAMERA, (30, 60)).at(45)[:, 1].min()
              for seed in range(30)]
    assert sum(abs(low) < 1e-6 for low in lowest) > 10 and min(lowest) > -0.6
