"""Boxes of another detector: matched to images by stamp, of either message type."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

from poco_node_harness import SECOND, Bench, bench, image_message, level, published_elsewhere
from ros_harness import ros_session
from std_msgs.msg import String

from poco_ros.conversions import stamp_from_ns
from poco_ros.msg import PersonBox, PersonBoxArray

pytestmark = pytest.mark.ros


def boxes_message(second: int, *xs: float) -> PersonBoxArray:
    """Return one box for each x_min."""
    message = PersonBoxArray(boxes=[PersonBox(box_px=[x, 1.0, x + 8.0, 20.0], score=0.5, track_id=-1) for x in xs])
    message.header.stamp = stamp_from_ns(second * SECOND)
    return message


def open_boxes(b: Bench, kind: type = PersonBoxArray):
    publisher = b.test.create_publisher(kind, 'boxes', 10)
    assert b.ros.spin_until(publisher.get_subscription_count)
    return publisher


@pytest.mark.parametrize('boxes_type', ['auto', 'person_boxes'])
def test_boxes_are_used_instead_of_the_built_in_detector(boxes_type):
    with bench(boxes='topic', boxes_type=boxes_type) as b:
        publisher = open_boxes(b)
        b.send(image_message(SECOND))
        publisher.publish(boxes_message(1, 3.0, 30.0))
        assert b.ros.spin_until(lambda: b.bodies)
        assert len(b.bodies[0].bodies) == 2
        assert b.pipeline.boxes[0].xyxy.tolist() == [[3, 1, 11, 20], [30, 1, 38, 20]]


def test_boxes_may_come_before_or_long_after_their_image_and_nobody_is_an_answer_too():
    with bench(boxes='topic', boxes_buffer=3) as b:
        publisher = open_boxes(b)
        publisher.publish(boxes_message(1))
        b.ros.spin_for(0.03)
        assert b.ask(image_message(SECOND)).bodies == []
        for second in (2, 3, 4):  # a slow detector answers for the first of three
            b.send(image_message(second * SECOND, level=second))
            b.ros.spin_for(0.03)
        publisher.publish(boxes_message(2, 5.0))
        assert b.ros.spin_until(lambda: len(b.bodies) == 2)
        assert b.bodies[1].header.stamp.sec == 2
        assert b.bodies[1].bodies[0].betas[0] == 2.0


def test_no_body_without_boxes_of_the_same_stamp_and_the_diagnostics_say_so():
    with bench(boxes='topic', boxes_buffer=2, stale_after=0.2) as b:
        publisher = open_boxes(b)
        b.ros.spin_for(0.2)
        for second in range(1, 6):
            b.send(image_message(second * SECOND))
            publisher.publish(boxes_message(second + 100, 3.0))
            b.ros.spin_for(0.02)
        status = b.status('output')
        assert b.bodies == []
        assert level(status) == 'WARN'
        assert '/boxes' in status.message
        assert 'header.stamp' in status.message
        assert int(b.values('input')['unmatched_images_and_boxes']) >= 3
        b.send(image_message(50 * SECOND))
        publisher.publish(boxes_message(50, 3.0))
        assert b.ros.spin_until(lambda: b.bodies)


def test_unusable_boxes_are_left_out_and_counted():
    with bench(boxes='topic') as b:
        publisher = open_boxes(b)
        message = boxes_message(1, 3.0, float('nan'))
        b.send(image_message(SECOND))
        publisher.publish(message)
        assert b.ros.spin_until(lambda: b.bodies)
        assert len(b.bodies[0].bodies) == 1
        assert b.values('input')['unusable_boxes'] == '1'


def test_missing_and_wrong_publishers_of_boxes_are_named():
    with ros_session() as ros:
        b = Bench(ros, boxes='topic')
        b.activate()
        assert ros.spin_until(lambda: 'nobody publishes boxes on /boxes' in b.status('input').message)
        assert level(b.status('input')) == 'ERROR'
        with published_elsewhere(ros.domain, String, 'boxes'):
            assert ros.spin_until(lambda: 'std_msgs/msg/String' in b.status('input').message, timeout=20.0)


def test_vision_msgs_is_asked_for_by_name_when_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'vision_msgs', None)
    monkeypatch.setitem(sys.modules, 'vision_msgs.msg', None)
    with bench(boxes='topic', boxes_type='detection2d') as b:
        assert b.ros.spin_until(lambda: 'vision-msgs' in b.status('input').message)
        assert level(b.status('input')) == 'ERROR'


def test_detections_reach_the_pipeline_with_the_class_filter():
    """``vision_msgs`` is read by its attributes, so the call-back is tested with a stand-in of the message."""
    centre = SimpleNamespace(position=SimpleNamespace(x=20.0, y=20.0), theta=0.0)

    def detection(name: str) -> SimpleNamespace:
        result = SimpleNamespace(hypothesis=SimpleNamespace(class_id=name, score=0.5))
        return SimpleNamespace(bbox=SimpleNamespace(center=centre, size_x=4.0, size_y=8.0), results=[result], id='')

    header = SimpleNamespace(stamp=stamp_from_ns(SECOND))
    with bench(boxes='topic', boxes_class='person') as b:
        b.send(image_message(SECOND))
        b.ros.spin_for(0.05)
        detections = [detection('person'), detection('dog')]
        b.node._boxes._take_detections(SimpleNamespace(header=header, detections=detections))
        assert b.ros.spin_until(lambda: b.bodies)
        assert b.pipeline.boxes[0].xyxy.tolist() == [[18, 16, 22, 24]]
