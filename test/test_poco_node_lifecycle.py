"""The managed states of poco_node: what each transition loads, subscribes, frees, and how failures end."""

from __future__ import annotations

import gc
import signal
import threading
import weakref
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

from lifecycle_msgs.srv import ChangeState, GetState
from poco_node_harness import SECOND, Bench, FakePipeline, bench, image_message, level, run_program
from rcl_interfaces.srv import DescribeParameters
from rclpy.parameter import Parameter
from ros_harness import change_state_client, free_domain, ros_session

from poco_ros.errors import ConfigError, ModelFileError
from poco_ros.nodes.poco_node import PocoNode

pytestmark = pytest.mark.ros


def state(b: Bench) -> str:
    return b.node._state_machine.current_state[1]


def test_every_transition_does_its_part_and_can_be_repeated():
    with ros_session() as ros:
        b = Bench(ros)
        assert b.loads == 0
        b.node.trigger_configure()
        assert (b.loads, state(b)) == (1, 'inactive')
        ros.spin_for(0.2)
        assert b.images.get_subscription_count() == 0
        for activation in (1, 2):
            b.node.trigger_activate()
            assert ros.spin_until(b.images.get_subscription_count)
            assert b.ask(image_message(activation * SECOND)) is not None
            b.node.trigger_deactivate()
            assert ros.spin_until(lambda: b.images.get_subscription_count() == 0)
            assert ros.spin_until(lambda: b.infos.get_subscription_count() == 0)
        assert b.bodies[0].epoch != b.bodies[1].epoch
        assert b.pipeline.resets == 2
        alive = weakref.ref(b.pipeline)
        b.pipeline = None
        b.node.trigger_cleanup()
        gc.collect()
        assert alive() is None
        assert state(b) == 'unconfigured'
        assert b.test.count_publishers('/poco/bodies') in (0, 1)
        assert ros.spin_until(lambda: b.test.count_publishers('/poco/bodies') == 0)


def test_transitions_work_over_the_services():
    with ros_session() as ros:
        b = Bench(ros)
        change = change_state_client(ros, b.test, 'poco_node')
        for transition in (1, 3):  # configure, activate
            request = ChangeState.Request()
            request.transition.id = transition
            future = change.call_async(request)
            assert ros.spin_until(future.done)
            assert future.result().success
        assert state(b) == 'active'


@pytest.mark.parametrize('kind', [ModelFileError, RuntimeError])
def test_a_pipeline_that_cannot_load_is_a_failure_with_a_reason_and_can_be_tried_again(kind):
    error = kind('no file pose.tflite; run make')
    with ros_session() as ros:
        b = Bench(ros, error)
        assert b.node.trigger_configure().name == 'FAILURE'
        assert state(b) == 'unconfigured'
        status = b.status('model')
        assert level(status) == 'ERROR'
        assert str(error) in status.message
        b.pipeline = FakePipeline()
        b.activate()
        assert level(b.status('model')) == 'OK'
        assert b.ask(image_message(SECOND)) is not None


def test_mock_weights_are_warned_of_once_in_the_log_and_always_in_the_diagnostics():
    pipeline = FakePipeline()
    pipeline.warnings = ('poco_cliff has mock weights, made up for tests',)
    with ros_session() as ros:
        b = Bench(ros, pipeline)
        logged = []
        b.node._logger = SimpleNamespace(
            warning=lambda text, **_: logged.append(text), info=lambda *_, **__: None, error=logged.append)
        b.activate()
        assert logged == list(pipeline.warnings)
        status = b.status('model')
        assert level(status) == 'WARN' and status.message.startswith('ready') and 'mock weights' in status.message
        assert b.ask(image_message(SECOND)) is not None


def test_an_inactive_node_publishes_nothing_for_an_image_in_work():
    pipeline = FakePipeline()
    pipeline.gate = threading.Event()
    with bench(pipeline) as b:
        b.send(image_message(SECOND))
        assert b.ros.spin_until(pipeline.started.is_set)
        threading.Timer(0.05, pipeline.gate.set).start()
        b.node.trigger_deactivate()
        assert state(b) == 'inactive'
        b.ros.spin_for(0.1)
        assert len(b.bodies) <= 1  # the one in work may finish before the publishers are switched off


def test_shutdown_from_active():
    with bench() as b:
        assert b.node.trigger_shutdown().name == 'SUCCESS'
        assert state(b) == 'finalized'
        assert b.ros.spin_until(lambda: b.images.get_subscription_count() == 0)


def test_services_answer_while_inference_is_busy():
    pipeline = FakePipeline()
    pipeline.gate = threading.Event()
    with bench(pipeline) as b:
        client = b.test.create_client(GetState, '/poco_node/get_state')
        assert b.ros.spin_until(client.service_is_ready)
        b.send(image_message(SECOND))
        assert b.ros.spin_until(pipeline.started.is_set)
        future = client.call_async(GetState.Request())
        assert b.ros.spin_until(future.done, 2.0)
        assert future.result().current_state.label == 'active'
        assert b.bodies == []
        pipeline.gate.set()
        assert b.ros.spin_until(lambda: b.bodies)


def test_all_parameters_exist_before_configuring_and_are_described():
    with ros_session() as ros:
        b = Bench(ros, listen=False)
        own = [n for n in b.node._parameters if not n.startswith(('qos_overrides', 'use_sim_time', 'start_type'))]
        assert {'model', 'body_model', 'transport', 'finder.max_people', 'boxes', 'stale_after'} <= set(own)
        client = b.test.create_client(DescribeParameters, '/poco_node/describe_parameters')
        assert ros.spin_until(client.service_is_ready)
        future = client.call_async(DescribeParameters.Request(names=own))
        assert ros.spin_until(future.done)
        for descriptor in future.result().descriptors:
            assert descriptor.description, descriptor.name
            assert descriptor.read_only is (descriptor.name != 'stale_after'), descriptor.name
        before = set(own)
        b.node.trigger_configure()
        b.node.trigger_activate()
        after = {n for n in b.node._parameters if not n.startswith(('qos_overrides', 'use_sim_time', 'start_type'))}
        assert after == before


def test_dynamic_parameters_are_checked_and_take_effect():
    with bench() as b:
        (refused,) = b.node.set_parameters([Parameter('stale_after', value=-1.0)])
        assert not refused.successful
        (accepted,) = b.node.set_parameters([Parameter('stale_after', value=0.1)])
        assert accepted.successful
        assert b.ask(image_message(SECOND)) is not None
        b.ros.spin_for(0.2)
        assert level(b.status('input')) == 'STALE'
        (static,) = b.node.set_parameters([Parameter('transport', value='compressed')])
        assert not static.successful


def test_a_wrong_parameter_is_refused_in_plain_words():
    with ros_session() as ros, pytest.raises(ConfigError, match="'transport' must be one of raw, compressed"):
        PocoNode(context=ros.context, parameter_overrides=[Parameter('transport', value='pigeon')])


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_program_cleanly(number):
    with ros_session() as ros, run_program(ros.domain) as process:
        try:
            client = ros.node('watcher').create_client(GetState, '/poco_node/get_state')
            assert ros.spin_until(client.service_is_ready, 20.0)
            process.send_signal(number)
            output, _ = process.communicate(timeout=10)
        finally:
            process.kill()
    assert process.returncode == 0, output
    assert 'Traceback' not in output
    assert 'rror' not in output


def test_a_wrong_parameter_ends_the_program_with_words_and_a_status():
    with run_program(free_domain(), '-p', 'finder.max_people:=0') as process:
        output, _ = process.communicate(timeout=15)
    assert process.returncode == 2
    assert "'finder.max_people' must be between" in output
    assert 'Traceback' not in output
