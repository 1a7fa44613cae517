"""What poco_node publishes for good images: stamps, frames, cameras, and nothing that nobody asked for."""

from __future__ import annotations

import array
import math

import numpy as np
import pytest

pytest.importorskip('rclpy')

from poco_node_harness import FRAME_ID, SECOND, SIZE, Bench, FakePipeline, bench, image_message, info_message, level
from rclpy.qos import QoSDurabilityPolicy, QoSReliabilityPolicy
from ros_harness import ros_session
from sensor_msgs.msg import CompressedImage

from poco_ros.body.smpl import JOINT_NAMES
from poco_ros.msg import BodyModelInfo
from poco_ros.nodes import qos

pytestmark = pytest.mark.ros


def test_header_is_copied_from_the_image_and_both_topics_agree():
    with bench() as b:
        answer = b.ask(image_message(12 * SECOND + 345, level=80))
        assert (answer.header.stamp.sec, answer.header.stamp.nanosec) == (12, 345)
        assert answer.header.frame_id == FRAME_ID
        assert answer.bodies[0].betas[0] == 80.0
        assert b.ros.spin_until(lambda: b.confidences)
        assert b.confidences[0].header == answer.header
        assert b.confidences[0].epoch == answer.epoch
        assert math.isnan(answer.bodies[0].confidence)


def test_nobody_is_an_empty_array():
    with bench(FakePipeline(persons=0)) as b:
        answer = b.ask(image_message(SECOND))
        assert answer.bodies == []
        assert answer.header.frame_id == FRAME_ID
        assert b.ros.spin_until(lambda: b.confidences)
        assert b.confidences[0].bodies == []


def test_delay_is_by_the_nodes_clock_and_unknown_where_clocks_do_not_compare():
    with bench() as b:
        old_bag = b.ask(image_message(1_000 * SECOND))
        now = b.node.get_clock().now().nanoseconds
        live = b.ask(image_message(now))
        later_clock = b.ask(image_message(now + 100 * SECOND))
        assert math.isnan(old_bag.publish_delay)
        assert 0.0 < live.publish_delay < 5.0
        assert math.isnan(later_clock.publish_delay)
        assert float(b.values('output')['latency_p50_ms']) == pytest.approx(live.publish_delay * 1e3, abs=0.01)


def test_calibrated_camera_is_used_and_told():
    with bench(camera_info_timeout=3.0) as b:
        b.calibrate(info_message())
        answer = b.ask(image_message(SECOND))
        assert list(answer.intrinsics) == [60.0, 61.0, 32.0, 24.0]
        assert not answer.focal_length_assumed
        assert (answer.image_width, answer.image_height) == SIZE
        assert b.pipeline.frames[0].camera.fx == 60.0
        assert level(b.status('camera')) == 'OK'


def test_compressed_images():
    import cv2
    with bench(transport='compressed', compressed=True) as b:
        picture = np.full((48, 64, 3), (10, 60, 200), np.uint8)
        png = cv2.imencode('.png', picture[..., ::-1])[1].tobytes()
        message = CompressedImage(format='png', data=array.array('B', png))
        message.header.stamp.sec, message.header.frame_id = 5, FRAME_ID
        answer = b.ask(message)
        assert (answer.header.stamp.sec, answer.header.frame_id) == (5, FRAME_ID)
        np.testing.assert_array_equal(b.pipeline.frames[0].image, picture)
        assert b.node._images.topic == '/image/compressed'


def test_remapped_image_topics_also_apply_to_compressed():
    with ros_session() as ros:
        arguments = ['--ros-args', '-r', 'image:=/cam/color']
        b = Bench(ros, listen=False, transport='compressed', node_options={'cli_args': arguments})
        assert b.node._images.topic == '/cam/color/compressed'


def test_namespace_applies_to_everything_but_diagnostics():
    with ros_session() as ros:
        b = Bench(ros, listen=False, node_options={'namespace': '/robot1'})
        b.node.trigger_configure()
        topics = {name for name, _ in b.node.get_publisher_names_and_types_by_node('poco_node', '/robot1')}
        assert {'/robot1/poco/bodies', '/robot1/poco/confidence', '/robot1/poco/model_info', '/diagnostics'} <= topics


def test_slow_inference_drops_to_the_newest_image_and_counts():
    pipeline = FakePipeline()
    with bench(pipeline) as b:
        import threading
        pipeline.gate = threading.Event()
        b.send(image_message(SECOND))
        assert b.ros.spin_until(pipeline.started.is_set)
        for i in range(2, 6):
            b.send(image_message(i * SECOND))
            count = i
            assert b.ros.spin_until(lambda n=count: b.node._health.snapshot(0.0).images == n)
        assert level(b.status('input')) == 'OK'  # diagnostics go on while inference is busy
        pipeline.gate.set()
        assert b.ros.spin_until(lambda: len(b.bodies) == 2)
        assert [m.header.stamp.sec for m in b.bodies] == [1, 5]
        assert [m.skipped_frames for m in b.bodies] == [0, 3]
        assert b.values('output')['skipped_images'] == '3'
        assert pipeline.threads == {'inference'}


def test_nothing_runs_without_a_subscriber():
    with bench(listen=False) as b:
        b.ros.spin_for(0.3)
        assert b.images.get_subscription_count() == 0
        assert 'idle' in b.status('output').message
        b.listen()
        assert b.ros.spin_until(b.images.get_subscription_count)
        assert b.ask(image_message(SECOND)) is not None
        for subscription in list(b.test.subscriptions):
            if subscription.topic_name.startswith('/poco/'):
                b.test.destroy_subscription(subscription)
        assert b.ros.spin_until(lambda: b.images.get_subscription_count() == 0)
        assert len(b.pipeline.frames) == 1


def test_model_info_is_latched_and_matches_the_bodies():
    with bench() as b:
        answer = b.ask(image_message(SECOND))
        late: list[BodyModelInfo] = []
        b.ros.node('late').create_subscription(BodyModelInfo, 'poco/model_info', late.append, qos.LATCHED)
        assert b.ros.spin_until(lambda: late)
        assert late[0].model_id == answer.model_id != ''
        assert tuple(late[0].joint_names) == JOINT_NAMES
        assert (late[0].model, late[0].body_model, late[0].device) == ('fake', 'fake_body', 'CPU: test')
        assert late[0].header.frame_id == ''


def test_qualities_of_service_are_as_documented():
    with bench() as b:
        def profile(topic, endpoints):
            (info,) = [i for i in endpoints(topic) if i.node_name == 'poco_node']
            return info.qos_profile.reliability, info.qos_profile.durability

        reliable, best_effort = QoSReliabilityPolicy.RELIABLE, QoSReliabilityPolicy.BEST_EFFORT
        volatile, latched = QoSDurabilityPolicy.VOLATILE, QoSDurabilityPolicy.TRANSIENT_LOCAL
        publishers, subscriptions = b.test.get_publishers_info_by_topic, b.test.get_subscriptions_info_by_topic
        assert profile('/image', subscriptions) == (best_effort, volatile)
        assert profile('/camera_info', subscriptions) == (best_effort, volatile)
        assert profile('/poco/bodies', publishers) == (reliable, volatile)
        assert profile('/poco/confidence', publishers) == (reliable, volatile)
        assert profile('/poco/model_info', publishers) == (reliable, latched)
        assert qos.SENSOR_INPUT.depth == 1


def test_qualities_of_service_can_be_overridden_by_parameters():
    name = 'qos_overrides./poco/bodies.publisher.reliability'
    with bench(listen=False, **{name: 'best_effort'}) as b:
        (info,) = b.test.get_publishers_info_by_topic('/poco/bodies')
        assert info.qos_profile.reliability == QoSReliabilityPolicy.BEST_EFFORT
