from types import SimpleNamespace

import numpy as np
from occlusion_bodies import CAMERA, body_at, looks_with_numbers, standing

from poco_ros.evaluation.occlusion.crossings import watch_crossing
from poco_ros.pipeline import Estimate
from poco_ros.types import Boxes, People


class MadeUp:
    """Finds the person at the number of the picture, in centimetres."""

    def process(self, frame):
        return Estimate(body_at(0.01 * float(frame.image[0, 0, 0])), People(Boxes.empty()), {})


def shots(count=4):
    for index, look in enumerate(looks_with_numbers(count)):
        covered = np.zeros(24, bool)
        covered[index] = True
        yield SimpleNamespace(clear=look.clear, blocked=look.blocked, joints=standing(0.01 * index), covered=covered)


def test_truth_and_bodies_are_of_the_same_moments():
    told = []
    crossing = SimpleNamespace(camera=CAMERA, shots=shots)
    truth, watched = watch_crossing(crossing, {'made up': MadeUp}, lambda: told.append(1))
    assert len(told) == 4 and truth.camera == CAMERA
    assert truth.stamps_ns.tolist() == [round(index / 30 * 1e9) for index in range(4)]
    np.testing.assert_array_equal(truth.covered, np.eye(4, 24, dtype=bool))
    clear = np.concatenate([bodies.joints for bodies in watched['made up'].clear])
    np.testing.assert_allclose(clear, truth.joints, atol=1e-5)
    assert len(watched['made up'].blocked) == 4
