"""The node that turns camera images into people's SMPL bodies: a managed (lifecycle) node around the pipeline."""

from __future__ import annotations

import functools
import secrets
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import CameraInfo

from poco_ros import conversions
from poco_ros.conversions import ArrayContext
from poco_ros.engine.base import Progress
from poco_ros.errors import PocoError
from poco_ros.msg import BodyConfidenceArray, BodyModelInfo, SmplBodyArray
from poco_ros.nodes import diagnostics, qos
from poco_ros.nodes.boxes_input import BoxesInput
from poco_ros.nodes.camera_input import CameraInput, CameraState
from poco_ros.nodes.health import Event, Health, ModelState
from poco_ros.nodes.image_input import ImageInput, Picture
from poco_ros.nodes.inference import Inference, Job
from poco_ros.nodes.loading import AbandonedError, load_in_thread
from poco_ros.nodes.managed import ManagedNode
from poco_ros.nodes.parameters import declare_dataclass
from poco_ros.nodes.poco_config import PocoNodeConfig
from poco_ros.nodes.run import run_node
from poco_ros.nodes.stamp_gate import Order, StampGate
from poco_ros.nodes.stamp_matcher import StampMatcher
from poco_ros.nodes.worker import LatestWorker
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.types import Bodies, Boxes


class PocoNode(ManagedNode):
    """Configure loads the networks, activate subscribes, deactivate unsubscribes, cleanup frees the networks.

    Configuring ends when everything is loaded, which takes minutes where an engine has to be built; meanwhile
    diagnostics tell how far it is, and requests wait. An interrupt does not.

    While active, images are subscribed to only as long as somebody subscribes to ``poco/bodies`` or
    ``poco/confidence``. Inference runs in a thread of its own on the newest image.

    :param load_pipeline: makes the pipeline, in a thread of its own; raises :class:`PocoError` with the reason when it
        cannot.
    :param options: handed to :class:`rclpy.lifecycle.LifecycleNode`.
    :raises ConfigError: when a parameter is wrong.
    """

    def __init__(
        self, load_pipeline: Callable[[PipelineConfig, Progress], Pipeline] = Pipeline.load, **options: Any,
    ) -> None:
        super().__init__('poco_node', **options)
        self._load_pipeline = load_pipeline
        self._pipeline_config = declare_dataclass(self, PipelineConfig)
        self._config = declare_dataclass(self, PocoNodeConfig, on_change=self._reconfigure)
        self._health = Health()
        self._pipeline: Pipeline | None = None
        self._worker: LatestWorker[Job] | None = None
        self._gate = StampGate(self._config.reset_gap)
        self._matcher: StampMatcher[Picture, Boxes] = StampMatcher(self._config.boxes_buffer)
        self._segment = 0
        self._images = ImageInput(self, self._config.transport, self._on_picture, self._on_bad_image)
        self._boxes = BoxesInput(self, self._config.boxes_type, self._config.boxes_class, self._on_boxes) \
            if self._config.boxes == 'topic' else None
        self._info_subscription: Any = None
        self._keep_house()

    # ---- Lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the pipeline and make the publishers; a pipeline that cannot be loaded is a failure with a reason."""
        self._set_model(ModelState.LOADING, '')
        try:
            self._pipeline = load_in_thread(
                lambda: self._load_pipeline(self._pipeline_config, self._on_progress), self.publish_diagnostics,
                self.context.ok)
        except AbandonedError:
            return TransitionCallbackReturn.FAILURE
        except PocoError as error:
            return self._loading_failed(str(error))
        except Exception as error:
            self.get_logger().debug(traceback.format_exc())
            return self._loading_failed(f'{type(error).__name__}: {error}')
        self._make_publishers()
        self._tell_what_runs(self._pipeline)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to take images, as soon as somebody wants the bodies."""
        pipeline = self._pipeline
        if pipeline is None:
            return TransitionCallbackReturn.FAILURE
        result = super().on_activate(state)
        self._health.start()
        self._health.camera = (CameraState.WAITING, f'no camera_info on {self.resolve_topic_name("camera_info")} yet')
        camera = CameraInput(
            self._config.camera_info_timeout, self.resolve_topic_name('camera_info'),
            rectified=self._config.rectified, on_change=self._on_camera_change)
        inference = Inference(
            pipeline, camera, self._health, now_ns=self._now_ns, epoch=secrets.randbits(32),
            publish=functools.partial(self._publish, *self._outputs[:2]),
            model_id=conversions.model_id(pipeline.info, pipeline.body), log=self.get_logger())
        self._worker = LatestWorker(inference, 'inference')
        self._info_subscription = self.create_subscription(
            CameraInfo, 'camera_info', camera.take, qos.SENSOR_INPUT, qos_overriding_options=qos.overridable())
        self._outputs[2].publish(conversions.model_info_to_message(
            pipeline.info, pipeline.body, self._now_ns(), pipeline.calibrator))
        self.publish_diagnostics()
        return result

    def _on_progress(self, what: str, part: float) -> None:
        """Remember how far loading is, or end it with the node; called by the thread that loads."""
        if not self.context.ok():
            raise AbandonedError('loading was interrupted')
        self._health.model = (ModelState.LOADING, f'{what} {100 * part:.0f} %' if part > 0 else what)

    def _tell_what_runs(self, pipeline: Pipeline) -> None:
        info = pipeline.info
        calibrator = pipeline.calibrator
        calibrated = 'uncalibrated' if calibrator is None else \
            f'calibration {calibrator.calibration.calibration_id[:12]}, coverage {calibrator.coverage:g}'
        text = f'{info.model} with {pipeline.body.name} on {info.device or "CPU"}, {calibrated}'
        if pipeline.reason:
            self.get_logger().info(f'{text}: {info.engine} {info.precision}, {pipeline.reason}')
        for warning in pipeline.warnings:
            self.get_logger().warning(warning)
        state = ModelState.DOUBTFUL if pipeline.warnings else ModelState.READY
        self._set_model(state, '; '.join([text, *pipeline.warnings]))

    def _loading_failed(self, reason: str) -> TransitionCallbackReturn:
        self.get_logger().error(f'the pipeline cannot be loaded: {reason}')
        self._set_model(ModelState.FAILED, reason)
        return TransitionCallbackReturn.FAILURE

    def _set_model(self, state: ModelState, text: str) -> None:
        self._health.model = (state, text)
        self.publish_diagnostics()

    def _make_publishers(self) -> None:
        types = ((SmplBodyArray, 'bodies', qos.OUTPUT), (BodyConfidenceArray, 'confidence', qos.OUTPUT),
                 (BodyModelInfo, 'model_info', qos.LATCHED))
        self._outputs = [
            self.create_lifecycle_publisher(
                kind, f'poco/{topic}', profile, qos_overriding_options=qos.overridable())
            for kind, topic, profile in types]

    def _stop(self) -> bool:
        """Unsubscribe and end the inference thread; False if it does not end."""
        self._images.close()
        if self._boxes is not None:
            self._boxes.close()
        if self._info_subscription is not None:
            self.destroy_subscription(self._info_subscription)
            self._info_subscription = None
        worker, self._worker = self._worker, None
        if worker is None or worker.stop():
            return True
        self.get_logger().error('inference does not end; the pipeline is given up, configure the node again')
        return False

    def _free(self) -> None:
        super()._free()
        self._pipeline = None
        self._set_model(ModelState.UNCONFIGURED, '')

    # ---- Input

    def _follow_demand(self) -> None:
        """Subscribe to images while somebody wants what is made of them."""
        if self._worker is None:
            return
        try:
            self._open_and_close(self._wanted())
        except RuntimeError as error:  # as when a topic exists in this process with another type
            self.get_logger().error(f'cannot subscribe: {error}', throttle_duration_sec=5.0)

    def _open_and_close(self, wanted: bool) -> None:
        if self._boxes is not None:
            self._boxes.poll()
        if wanted and not self._images.is_open:
            self._gate.reset()
            self._matcher.clear()
            self._segment += 1
            self._health.listen(self._now_s())
            self._images.open()
        elif not wanted and self._images.is_open:
            self._images.close()

    def _wanted(self) -> bool:
        return any(publisher.get_subscription_count() for publisher in self._outputs[:2])

    def _on_picture(self, picture: Picture) -> None:
        self._health.image_arrived(self._now_s())
        order = self._gate.check(picture.stamp_ns)
        if order is Order.REPEATED:
            self._health.happened(Event.REPEATED_STAMP, self._now_s(), str(picture.stamp_ns * 1e-9))
            return
        if order.starts_anew:
            self._start_anew(order)
        if self._boxes is None:
            self._submit(picture, None)
        elif pair := self._matcher.add_left(picture.stamp_ns, picture):
            self._submit(*pair)

    def _start_anew(self, order: Order) -> None:
        self._segment += 1
        self._matcher.clear()
        event = Event.BACKWARD_STAMP if order is Order.BACKWARDS else Event.STAMP_GAP
        self._health.happened(event, self._now_s())
        what = 'went back' if order is Order.BACKWARDS else f'stepped forward by more than {self._config.reset_gap} s'
        self.get_logger().warning(f'the stamps of the images {what}; everybody gets a new identity',
                                  throttle_duration_sec=5.0)

    def _on_boxes(self, stamp_ns: int, boxes: Boxes, unusable: int) -> None:
        if unusable:
            self._health.happened(Event.BAD_BOXES, self._now_s())
        if pair := self._matcher.add_right(stamp_ns, boxes):
            self._submit(*pair)

    def _submit(self, picture: Picture, boxes: Boxes | None) -> None:
        if self._worker is not None:
            self._worker.put(Job(picture, boxes, self._segment))

    def _on_bad_image(self, reason: str) -> None:
        self._health.image_arrived(self._now_s())
        self._health.happened(Event.BAD_IMAGE, self._now_s(), reason)
        self.get_logger().warning(f'image cannot be read: {reason}', throttle_duration_sec=5.0)

    # ---- Output

    def _publish(self, bodies_publisher: Any, confidence_publisher: Any, bodies: Bodies, context: ArrayContext) -> None:
        """Send the bodies; called by the inference thread."""
        try:
            bodies_publisher.publish(conversions.bodies_to_message(bodies, context))
            confidence_publisher.publish(conversions.confidence_to_message(bodies, context))
        except Exception:
            if self.context.ok():  # an interrupt ends the context also while an image is in work
                raise

    def publish_diagnostics(self) -> None:
        """Send the diagnostics as they are now."""
        if not self.context.ok():
            return
        graph = diagnostics.Graph(
            lifecycle=self._state_machine.current_state[1], wanted=self._wanted(), image_topic=self._images.topic,
            image_type=self._images.type_name,
            publisher_types=tuple(i.topic_type for i in self.get_publishers_info_by_topic(self._images.topic)),
            use_sim_time=self.get_parameter('use_sim_time').value, clock_ns=self._now_ns(),
            boxes_topic=self._boxes.topic if self._boxes is not None else '',
            boxes_error=self._boxes.error if self._boxes is not None else '',
            unmatched=self._matcher.lefts_given_up + self._matcher.rights_given_up)
        statuses = diagnostics.report(self._health.snapshot(self._now_s()), graph, self._config.stale_after)
        self._tell(statuses, self._pipeline.info.device if self._pipeline is not None else '')

    def _on_camera_change(self, state: CameraState, text: str) -> None:
        self._health.camera = (state, text)
        if state is CameraState.CALIBRATED:
            self.get_logger().info(text)
        elif state is CameraState.ASSUMED:
            self.get_logger().warning(text)

    def _reconfigure(self, config: PocoNodeConfig) -> None:
        self._config = config


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is interrupted.

    :returns: exit status, see :func:`poco_ros.nodes.run.run_node`.
    """
    return run_node(PocoNode, args)


if __name__ == '__main__':
    sys.exit(main())
