"""One image after the other through the inference of a node, without DDS."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip('rclpy')

from poco_node_harness import SECOND, FakePipeline

from poco_ros.errors import ImageError
from poco_ros.nodes.camera_input import CameraInput
from poco_ros.nodes.health import Event, Health
from poco_ros.nodes.image_input import Picture
from poco_ros.nodes.inference import LONGEST_DELAY_S, Inference, Job, publish_delay_s


class Log:
    def __init__(self):
        self.lines = []

    def warning(self, message, *, throttle_duration_sec):
        self.lines.append(('warning', message))

    def error(self, message, *, throttle_duration_sec):
        self.lines.append(('error', message))


class Setup:
    """Inference around a fake pipeline, at a clock that the test sets."""

    def __init__(self, timeout_s=0.0):
        self.pipeline, self.health, self.log, self.sent = FakePipeline(), Health(), Log(), []
        self.now_ns = 0
        self.inference = Inference(
            self.pipeline, CameraInput(timeout_s, '/camera_info'), self.health, now_ns=lambda: self.now_ns,
            publish=lambda bodies, context: self.sent.append((bodies, context)), epoch=5, model_id='m', log=self.log)

    def work(self, second, *, decode=None, skipped=0, segment=1, frame_id='camera'):
        image = np.zeros((48, 64, 3), np.uint8)
        self.inference(Job(Picture(second * SECOND, frame_id, decode or (lambda: image)), None, segment), skipped)

    def count(self, event):
        tally = self.health.snapshot(self.now_ns * 1e-9).events.get(event)
        return 0 if tally is None else tally.total


def test_the_context_is_that_of_the_image():
    setup = Setup()
    setup.now_ns = 10 * SECOND + SECOND // 2
    setup.work(10)
    ((bodies, context),) = setup.sent
    assert len(bodies) == 1
    assert (context.stamp_ns, context.frame_id, context.epoch, context.model_id) == (10 * SECOND, 'camera', 5, 'm')
    assert context.publish_delay_s == pytest.approx(0.5)
    assert context.camera.focal_length_assumed


def test_images_passed_over_are_told_by_the_next_message_also_after_failures():
    setup = Setup()

    def broken():
        raise ImageError('cut')

    setup.work(1, skipped=2, decode=broken)
    setup.work(2, skipped=3)
    setup.work(3)
    assert [context.skipped_frames for _, context in setup.sent] == [5, 0]
    assert setup.health.snapshot(0.0).skipped == 5


def test_a_new_segment_resets_the_pipeline_once():
    setup = Setup()
    for segment in (1, 1, 2, 2, 4):
        setup.work(segment, segment=segment)
    assert setup.pipeline.resets == 3


def test_failures_are_counted_logged_and_over_with_the_next_image():
    setup = Setup()

    def broken():
        raise ImageError('cut in half')

    setup.work(1, decode=broken)
    setup.pipeline.fail = ValueError('shape')
    setup.work(2)
    setup.work(3)
    assert (setup.count(Event.BAD_IMAGE), setup.count(Event.INFERENCE_FAILED)) == (1, 1)
    assert [kind for kind, _ in setup.log.lines] == ['warning', 'error']
    assert 'cut in half' in setup.log.lines[0][1]
    assert 'ValueError: shape' in setup.log.lines[1][1]
    assert [context.stamp_ns for _, context in setup.sent] == [3 * SECOND]
    assert setup.pipeline.resets == 2  # what it remembers of a failed frame is not trusted


def test_without_a_camera_nothing_is_estimated():
    setup = Setup(timeout_s=9.0)
    setup.work(1)
    assert setup.pipeline.frames == []
    assert setup.count(Event.NO_CAMERA) == 1


@pytest.mark.parametrize(('delay_s', 'known'), [
    (0.0, True), (0.03, True), (LONGEST_DELAY_S - 0.1, True),
    (-0.001, False), (LONGEST_DELAY_S + 1, False), (1e9, False)])
def test_delays_that_compare(delay_s, known):
    delay = publish_delay_s(10 ** 18, 10 ** 18 + round(delay_s * 1e9))
    assert delay == pytest.approx(delay_s) if known else math.isnan(delay)
