"""What is shown for the occlusion sweep, to regressors that know what is covered."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from occlusion_bodies import CAMERA, body_at, looks_with_numbers, standing

from poco_ros.errors import DatasetError
from poco_ros.evaluation.reproduce.occlusion_sweep import sweep_summary
from poco_ros.evaluation.reproduce.shows import rendered_shows, video_shows
from poco_ros.pipeline import Estimate
from poco_ros.types import Bodies, Boxes, People
from poco_ros.video.source import VideoSource

WHITE = 255


class White(VideoSource):
    """A white video, 640 x 480."""

    name, width, height, fps, length = '/somewhere/white.mp4', 640, 480, 30.0, 40

    def one_pass(self):
        for _ in range(self.length):
            yield np.full((480, 640, 3), WHITE, np.uint8)


class Sees:
    """Finds two people at their places, and doubts the joints where the picture is not white."""

    def process(self, frame):
        bodies = body_at(-0.6, 0.5)
        x, y = np.rint(frame.camera.project(bodies.joints)).astype(int).transpose(2, 0, 1)
        covered = (frame.image[y.clip(0, 479), x.clip(0, 639)] != WHITE).any(axis=-1)
        doubt = np.where(covered, 0.9, 0.2).astype(np.float32)
        return Estimate(dataclasses.replace(bodies, joint_uncertainty=doubt), People(Boxes.empty()), {})


class Blind:
    """Finds nobody."""

    def process(self, frame):
        return Estimate(Bodies.unknown(0), People(Boxes.empty()), {})


def test_a_board_is_carried_over_a_video_and_what_it_covers_is_known():
    told = []
    shows = video_shows(White(), {'sees': Sees, 'blind': Blind}, lambda *what: told.append(what))
    assert [(show.name, show.model) for show in shows] == [('white.mp4', 'sees'), ('white.mp4', 'blind')]
    assert told[-1] == ('white.mp4', 200, 200)  # once without the board, and four times with it
    assert len(shows[0].sweeps) > 2 and not shows[1].sweeps
    for sweep in shows[0].sweeps:
        assert sweep.covered.any() and not sweep.covered.all() and sweep.error_mm is None
        np.testing.assert_array_equal(sweep.sigma > 0.5, sweep.covered)
        np.testing.assert_allclose(sweep.sigma_without, 0.2)
        assert sweep_summary(sweep)['auroc_rise'] == 1


def test_a_video_without_people_is_refused():
    with pytest.raises(DatasetError, match='nobody is found in it'):
        video_shows(White(), {'blind': Blind}, lambda *what: None)


class MadeUp:
    """Is wrong by the left hand and unsure where the picture's number is above 100."""

    def process(self, frame):
        number = int(frame.image[0, 0, 0])
        bodies = body_at(0.0, uncertainty=0.7 if number > 100 else 0.1)
        bodies.joints[0, 22] += [0, 0, 0.25]
        return Estimate(bodies if number != 102 else Bodies.unknown(0), People(Boxes.empty()), {})


def test_rendered_people_come_with_errors_and_without_the_thing():
    covered = np.zeros(24, bool)
    covered[20:] = True

    def shots():
        for index, look in enumerate(looks_with_numbers(4)):
            yield SimpleNamespace(clear=look.clear, blocked=look.blocked, joints=standing(0.0),
                                  covered=covered & (index > 0))

    crossing = SimpleNamespace(camera=CAMERA, shots=shots, frames=4)
    told = []
    show, = rendered_shows('people', [crossing, crossing], {'made up': MadeUp}, lambda *what: told.append(what))
    assert told[-1] == ('people', 8, 8) and len(show.sweeps) == 2
    sweep = show.sweeps[1]
    assert sweep.error_mm[1, 22] == pytest.approx(250, abs=0.1) and sweep.error_mm[1, 21] == pytest.approx(0, abs=0.1)
    np.testing.assert_allclose(sweep.sigma[:, 0], [0.1, 0.7, np.nan, 0.7], rtol=1e-6)
    np.testing.assert_allclose(sweep.sigma_without, 0.1, rtol=1e-6)
    assert sweep.covered.sum(axis=1).tolist() == [0, 4, 4, 4] and sweep.position.tolist() == pytest.approx(
        [0, 1 / 30, 2 / 30, 3 / 30])
