"""The node that keeps bodies going where they cannot be trusted: live without delay, infilled a few frames later."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from poco_ros.errors import PocoError
from poco_ros.msg import SmplBodyArray
from poco_ros.nodes import qos
from poco_ros.nodes.managed import ManagedNode
from poco_ros.nodes.parameters import declare_dataclass
from poco_ros.nodes.run import run_node
from poco_ros.nodes.temporal_diagnostics import TemporalGraph, report
from poco_ros.nodes.temporal_health import TemporalHealth
from poco_ros.nodes.temporal_relay import TemporalRelay
from poco_ros.settings import described
from poco_ros.temporal.age_law import AgeLaw, shipped_age_law
from poco_ros.temporal.config import TemporalConfig
from poco_ros.temporal.predictors import shipped_predictor
from poco_ros.temporal.stream import Counters

#: The timer that releases frames is set anew for each; this only keeps it from spinning.
_SHORTEST_WAIT_NS = 1_000_000
_LIVE, _INFILLED = 'poco/bodies_live', 'poco/bodies_infilled'


@dataclass(frozen=True)
class TemporalNodeConfig:
    """Parameters of the node beside those of the stream."""

    stale_after: float = described(
        2.0, 'Diagnostics call the input stale when no bodies came for so long. s', min=0.1, max=3600.0, dynamic=True)


class TemporalNode(ManagedNode):
    """Publishes ``poco/bodies_live`` and ``poco/bodies_infilled`` from ``poco/bodies``.

    While active, bodies are subscribed to only as long as somebody subscribes to one of the two.

    :param options: handed to :class:`rclpy.lifecycle.LifecycleNode`.
    :raises ConfigError: when a parameter is wrong.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__('temporal_node', **options)
        self._config = declare_dataclass(self, TemporalConfig)
        self._node_config = declare_dataclass(self, TemporalNodeConfig, on_change=self._reconfigure)
        self._health = TemporalHealth()
        self._law: AgeLaw | None = None
        self._relay: TemporalRelay | None = None
        self._input: Any = None
        self._release_timer: Any = None
        self._keep_house()

    # ---- Lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the constants of the stream and make the publishers."""
        try:
            shipped_predictor(self._config.motion.predictor)  # a network is compiled now, not at the first frame
            self._law = shipped_age_law()
        except PocoError as error:
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        self._outputs = [
            self.create_lifecycle_publisher(
                SmplBodyArray, topic, qos.EVERY_FRAME, qos_overriding_options=qos.overridable())
            for topic in (_LIVE, _INFILLED)]
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to take bodies, as soon as somebody wants what is made of them."""
        if self._law is None:
            return TransitionCallbackReturn.FAILURE
        result = super().on_activate(state)
        # How long a frame may wait is a matter of the time that stamps it: simulated where time is, else steady.
        clock = self.get_clock() if self.get_parameter('use_sim_time').value else self._steady
        self._health = TemporalHealth()
        live, infilled = self._outputs
        self._relay = TemporalRelay(
            self._config, self._law, self._health, epoch=secrets.randbits(32), now_ns=self._now_ns,
            elapsed_ns=lambda: int(clock.now().nanoseconds), publish_live=live.publish,
            publish_infilled=infilled.publish)
        self._release_timer = self.create_timer(1.0, self._release, clock=clock)
        self._release_timer.cancel()
        self._follow_demand()
        return result

    def _stop(self) -> bool:
        if self._relay is not None:
            self._ignore(self._relay)
        self._relay = None
        if self._release_timer is not None:
            self.destroy_timer(self._release_timer)
            self._release_timer = None
        return True

    # ---- Input and output

    def _follow_demand(self) -> None:
        """Subscribe to bodies while somebody wants what is made of them."""
        relay = self._relay
        if relay is None:
            return
        wanted = self._wanted()
        if wanted and self._input is None:
            self._health.listen(self._now_s())
            self._input = self.create_subscription(
                SmplBodyArray, 'poco/bodies', self._on_bodies, qos.EVERY_FRAME,
                qos_overriding_options=qos.overridable())
        elif not wanted:
            self._ignore(relay)

    def _ignore(self, relay: TemporalRelay) -> None:
        """Unsubscribe, and end the stream: what comes when somebody listens again is of another epoch."""
        if self._input is None:
            return
        self.destroy_subscription(self._input)
        self._input = None
        if self.context.ok():
            relay.start_anew()
            self._set_timer(relay)

    def _wanted(self) -> bool:
        return any(publisher.get_subscription_count() for publisher in self._outputs)

    def _on_bodies(self, message: SmplBodyArray) -> None:
        relay = self._relay
        if relay is None:
            return
        self._health.arrived(self._now_s())
        try:
            relay.take(message)
        except PocoError as error:
            self._health.unusable(self._now_s(), str(error))
            self.get_logger().warning(f'bodies cannot be used: {error}', throttle_duration_sec=5.0)
        self._set_timer(relay)

    def _release(self) -> None:
        """Let go of the frames that have waited long enough for a camera that stalls."""
        if self._relay is not None:
            self._relay.advance()
            self._set_timer(self._relay)

    def _set_timer(self, relay: TemporalRelay) -> None:
        """Set the timer to when the next frame must leave."""
        wait_ns = relay.wait_ns
        if wait_ns is None:
            self._release_timer.cancel()
            return
        self._release_timer.timer_period_ns = max(wait_ns, _SHORTEST_WAIT_NS)
        self._release_timer.reset()

    # ---- Diagnostics

    def publish_diagnostics(self) -> None:
        """Send the diagnostics as they are now."""
        if not self.context.ok():
            return
        relay, topic = self._relay, self.resolve_topic_name('poco/bodies')
        graph = TemporalGraph(
            lifecycle=self._state_machine.current_state[1], wanted=self._wanted(), topic=topic,
            publishers=self.count_publishers(topic), lag_frames=self._config.lag_frames,
            use_sim_time=self.get_parameter('use_sim_time').value, clock_ns=self._now_ns(),
            **({'tracks': relay.num_tracks, 'period_s': relay.period_s} if relay else {}))
        statuses = report(self._health.snapshot(self._now_s()), relay.counters if relay else Counters(), graph,
                          self._node_config.stale_after)
        self._tell(statuses)

    def _reconfigure(self, config: TemporalNodeConfig) -> None:
        self._node_config = config


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is interrupted.

    :returns: exit status, see :func:`poco_ros.nodes.run.run_node`.
    """
    return run_node(TemporalNode, args)


if __name__ == '__main__':
    sys.exit(main())
