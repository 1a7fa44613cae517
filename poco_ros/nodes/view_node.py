"""Shows bodies: markers, meshes and vertices for RViz, and the camera's picture with the bodies drawn onto it.

Nothing is received, computed or drawn while nobody subscribes to a result.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from visualization_msgs.msg import MarkerArray

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.conversions import bodies_from_message, stamp_to_ns
from poco_ros.drawing.overlay import COLOR_BY, STYLES, vertex_colors
from poco_ros.errors import CameraError, ImageError
from poco_ros.msg import BodyModelInfo, SmplBodyArray
from poco_ros.nodes import qos
from poco_ros.nodes.body_check import BodyModelCheck
from poco_ros.nodes.markers import BodyMarkers, vertex_cloud
from poco_ros.nodes.overlay_maker import OverlayMaker
from poco_ros.nodes.parameters import declare_dataclass
from poco_ros.nodes.run import run_node
from poco_ros.nodes.stamp_matcher import StampMatcher
from poco_ros.nodes.throttle import Throttle
from poco_ros.nodes.worker import LatestWorker
from poco_ros.raw_image import read_raw_image
from poco_ros.types import Bodies

#: How often the node looks whether anybody subscribes, in seconds.
_LOOK_AGAIN = 0.2
#: The same trouble is told at most so often, in seconds.
_WARN_AGAIN = 10.0
#: Not only the newest image: each is needed until its bodies come, and it costs nothing but its place in memory.
_IMAGES_TO_MATCH = QoSProfile(
    history=QoSHistoryPolicy.KEEP_LAST, depth=10, reliability=QoSReliabilityPolicy.BEST_EFFORT)

#: By the parameter ``bodies``.
TOPICS = {'raw': 'poco/bodies', 'live': 'poco/bodies_live', 'infilled': 'poco/bodies_infilled'}


def _field(default: Any, description: str, **limits: Any) -> Any:
    return dataclasses.field(default=default, metadata={'description': description, **limits})


@dataclass(frozen=True)
class ViewConfig:
    """Parameters of the node; the fields' metadata describe them."""

    bodies: str = _field('raw', 'Which bodies to show: raw (poco/bodies), or those of temporal_node: live '
                         '(poco/bodies_live) or infilled (poco/bodies_infilled).', choices=tuple(TOPICS))
    color_by: str = _field('trust', 'What the colours say: how far to trust, or the state: how it came to be.',
                           choices=COLOR_BY, dynamic=True)
    overlay: str = _field('mesh', 'What poco/overlay shows of a body.', choices=STYLES, dynamic=True)
    overlay_rate: float = _field(10.0, 'At most so many pictures a second on poco/overlay, Hz; 0 draws every image '
                                 'that has bodies.', min=0.0, max=1000.0, dynamic=True)
    mesh: bool = _field(False, 'Publish meshes on poco/mesh: over 1 MB a body, and much work.', dynamic=True)
    mesh_rate: float = _field(5.0, 'At most so many messages a second on poco/mesh, Hz; 0 sends every one.',
                              min=0.0, max=1000.0, dynamic=True)
    marker_lifetime: float = _field(1.0, 'Markers that are not renewed vanish after so many seconds; 0 keeps them.',
                                    min=0.0, max=3600.0)
    transport: str = _field('raw', 'Form in which images are read; compressed takes the topic <image>/compressed.',
                            choices=('raw', 'compressed'))
    image_buffer: int = _field(30, 'Images kept in memory while their bodies are being estimated.', min=1, max=1000)
    body_model: str = _field('', "Path of the SMPL body-model file that poco_node uses; '' takes the open body.")


class _Scene(NamedTuple):
    """Bodies as they arrived, with the body model they were verified to belong to."""

    bodies: Bodies
    message: SmplBodyArray
    body: BodyModel | None


class _Picture(NamedTuple):
    """What an overlay is painted from."""

    scene: _Scene
    image: Any


class ViewNode(Node):
    """Turns bodies into what can be looked at."""

    def __init__(self, **options: Any) -> None:
        """Load the body model and wait for subscribers.

        :param options: handed to :class:`rclpy.node.Node`.
        :raises PocoError: when a parameter or the body model's file is unusable.
        """
        super().__init__('view_node', **options)
        self._workers: list[LatestWorker[Any]] = []
        self.config = declare_dataclass(self, ViewConfig, on_change=self._reconfigure)
        body = load_body_model(Path(self.config.body_model).expanduser() if self.config.body_model else None)
        self._check = BodyModelCheck(body, self.get_logger().warning)
        self._overlay = OverlayMaker(body)
        self._overlay_turn, self._mesh_turn = Throttle(self.config.overlay_rate), Throttle(self.config.mesh_rate)
        self._skeletons = BodyMarkers(self.config.marker_lifetime)
        self._meshes = BodyMarkers(self.config.marker_lifetime)
        self._matcher: StampMatcher[_Scene, Any] = StampMatcher(self.config.image_buffer)
        self._without_image = 0
        self._markers_out = self._publisher(MarkerArray, 'poco/markers')
        self._mesh_out = self._publisher(MarkerArray, 'poco/mesh')
        self._vertices_out = self._publisher(PointCloud2, 'poco/vertices')
        self._overlay_out = self._publisher(Image, 'poco/overlay')
        self.create_subscription(BodyModelInfo, 'poco/model_info', self._on_model_info, qos.LATCHED,
                                 qos_overriding_options=qos.overridable())
        self._inputs: dict[str, Subscription] = {}
        self._workers = [
            LatestWorker(self._publish_surfaces, 'surfaces'), LatestWorker(self._publish_overlay, 'overlay')]
        # On wall time: under simulated time nobody may have started the clock yet.
        self.create_timer(_LOOK_AGAIN, self._follow_demand, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def destroy_node(self) -> None:
        """Stop drawing and destroy the node."""
        for worker in self._workers:
            worker.stop()
        super().destroy_node()

    def _publisher(self, kind: type, topic: str) -> Publisher:
        """Publish reliably: that serves reliable and best-effort subscribers alike."""
        return self.create_publisher(kind, topic, qos.OUTPUT, qos_overriding_options=qos.overridable())

    def _reconfigure(self, config: ViewConfig) -> None:
        self.config = config
        self._overlay_turn.rate_hz, self._mesh_turn.rate_hz = config.overlay_rate, config.mesh_rate

    # ---- What is subscribed to, and when

    def _follow_demand(self) -> None:
        """Subscribe to what is needed for the results that somebody takes, and to nothing else."""
        overlay = _wanted(self._overlay_out)
        surfaces = _wanted(self._vertices_out) or (self.config.mesh and _wanted(self._mesh_out))
        self._demand('bodies', overlay or surfaces or _wanted(self._markers_out))
        self._demand('image', overlay)
        self._demand('camera_info', overlay)
        if not overlay:
            self._matcher.clear()
            self._without_image = 0

    def _demand(self, name: str, wanted: bool) -> None:
        if wanted and name not in self._inputs:
            self._inputs[name] = self._subscribe(name)
        elif not wanted and name in self._inputs:
            self.destroy_subscription(self._inputs.pop(name))

    def _subscribe(self, name: str) -> Subscription:
        options = {'qos_overriding_options': qos.overridable()}
        if name == 'bodies':
            return self.create_subscription(
                SmplBodyArray, TOPICS[self.config.bodies], self._on_bodies, qos.OUTPUT, **options)
        if name == 'camera_info':
            return self.create_subscription(
                CameraInfo, 'camera_info', self._on_camera_info, qos.SENSOR_INPUT, **options)
        if self.config.transport == 'compressed':
            topic = self.resolve_topic_name('image') + '/compressed'
            return self.create_subscription(
                CompressedImage, topic, self._on_compressed, _IMAGES_TO_MATCH, **options)
        return self.create_subscription(Image, 'image', self._on_raw, _IMAGES_TO_MATCH, raw=True, **options)

    # ---- What arrives

    def _on_model_info(self, message: BodyModelInfo) -> None:
        self._overlay.model = message.model
        self._check.take(message)

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._overlay.camera_info = message

    def _on_bodies(self, message: SmplBodyArray) -> None:
        scene = _Scene(bodies_from_message(message), message, self._check.body_for(message.model_id))
        if _wanted(self._markers_out):
            self._markers_out.publish(self._skeletons.skeletons(scene.bodies, message.header, self.config.color_by))
        if _wanted(self._vertices_out) or (self.config.mesh and _wanted(self._mesh_out)):
            self._workers[0].put(scene)
        if _wanted(self._overlay_out):
            self._without_image += 1
            self._paint(self._matcher.add_left(stamp_to_ns(message.header.stamp), scene))
            if self._without_image > self.config.image_buffer:
                self._warn(f'no image on {self.resolve_topic_name("image")} has the stamp of the bodies, so nothing is '
                           'drawn on poco/overlay; remap image to the topic that poco_node reads, and give both the '
                           'same transport')

    def _on_raw(self, message: bytes) -> None:
        try:
            image = read_raw_image(message)
        except ImageError as error:
            self._warn(str(error))
            return
        self._paint(self._matcher.add_right(image.stamp_ns, image))

    def _on_compressed(self, message: CompressedImage) -> None:
        self._paint(self._matcher.add_right(stamp_to_ns(message.header.stamp), message))

    def _paint(self, pair: tuple[_Scene, Any] | None) -> None:
        """Hand a pair of bodies and image to the painter if it is an overlay's turn."""
        if pair is None:
            return
        self._without_image = 0
        if self._overlay_turn.due(self.get_clock().now().nanoseconds):
            self._workers[1].put(_Picture(*pair))

    # ---- What is drawn, each in a thread of its own

    def _publish_surfaces(self, scene: _Scene, skipped: int) -> None:
        """Publish mesh markers and vertices."""
        body, header = scene.body, scene.message.header
        if body is None:  # nothing may stay visible of bodies that are not shown any more
            scene = scene._replace(bodies=scene.bodies.take([]))
            vertices, faces = np.zeros((0, 0, 3), np.float32), np.zeros((0, 3), np.int32)
            colors = vertices.astype(np.uint8)
        else:
            vertices = body.vertices(scene.bodies.pose, scene.bodies.betas, scene.bodies.transl)
            colors = vertex_colors(scene.bodies, body.weights, self.config.color_by)
            faces = body.faces
        if _wanted(self._vertices_out):
            self._vertices_out.publish(vertex_cloud(vertices, colors, header))
        if self.config.mesh and _wanted(self._mesh_out) and self._mesh_turn.due(self.get_clock().now().nanoseconds):
            self._mesh_out.publish(self._meshes.meshes(vertices, colors, faces, scene.bodies, header))

    def _publish_overlay(self, picture: _Picture, skipped: int) -> None:
        """Publish the image with the bodies drawn onto it."""
        bodies, message, body = picture.scene
        try:
            drawn = self._overlay.make(
                bodies, message, picture.image, self.config.overlay, verified=body is not None,
                color_by=self.config.color_by)
        except (ImageError, CameraError) as error:
            self._warn(f'poco/overlay: {error}')
            return
        self._overlay_out.publish(drawn)

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text, throttle_duration_sec=_WARN_AGAIN)


def _wanted(publisher: Publisher) -> bool:
    return bool(publisher.get_subscription_count() > 0)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is interrupted.

    :returns: exit status, see :func:`poco_ros.nodes.run.run_node`.
    """
    return run_node(ViewNode, args)


if __name__ == '__main__':
    sys.exit(main())
