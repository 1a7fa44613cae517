"""What the managed nodes share: how they stop and free, when they look around, and how they tell of themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from poco_ros.nodes import diagnostics, qos

_DEMAND_PERIOD_S = 0.1
_DIAGNOSTICS_PERIOD_S = 1.0


class ManagedNode(LifecycleNode):
    """A lifecycle node that says how it stops and what it frees; when, is decided here.

    Every way out of ACTIVE stops the work, every way out of INACTIVE frees the rest. A subclass calls ``_keep_house``
    at the end of its constructor, and puts its lifecycle publishers into ``_outputs``.
    """

    # Until the constructor is through: the context destroys its nodes also when that fails, and what was never built is
    # not stopped.
    _complete = False

    def _keep_house(self) -> None:
        """Begin to follow demand and to publish diagnostics, also while simulated time stands still."""
        self._outputs: list[Any] = []
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', qos.DIAGNOSTICS)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._housekeeping = [
            self.create_timer(_DEMAND_PERIOD_S, self._follow_demand, clock=self._steady),
            self.create_timer(_DIAGNOSTICS_PERIOD_S, self.publish_diagnostics, clock=self._steady),
        ]
        self._complete = True

    @abstractmethod
    def _follow_demand(self) -> None:
        """Subscribe while somebody wants what is made of it."""

    @abstractmethod
    def publish_diagnostics(self) -> None:
        """Send the diagnostics as they are now."""

    def _tell(self, statuses: Sequence[diagnostics.Status], device: str = '') -> None:
        self._diagnostics.publish(diagnostics.to_message(
            statuses, self.get_fully_qualified_name(), device, self.get_clock().now().to_msg()))

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _now_s(self) -> float:
        return self._now_ns() * 1e-9

    @abstractmethod
    def _stop(self) -> bool:
        """End the work, if any is under way; False if it does not end."""

    def _free(self) -> None:
        """Give back what configuring made."""
        for publisher in self._outputs:
            self.destroy_lifecycle_publisher(publisher)
        self._outputs = []

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop working; an error where the work does not end."""
        return super().on_deactivate(state) if self._stop() else TransitionCallbackReturn.ERROR

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free what configuring made."""
        self._free()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free everything, from any state."""
        self._stop()
        self._free()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Return to unconfigured after a transition went wrong."""
        self._stop()
        self._free()
        return super().on_error(state)

    def destroy_node(self) -> None:
        """Stop before the publishers go."""
        if self._complete:
            self._stop()
        super().destroy_node()
