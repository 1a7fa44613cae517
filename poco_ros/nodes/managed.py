"""What the managed nodes share: every way out of ACTIVE stops the work, every way out of INACTIVE frees the rest."""

from __future__ import annotations

from abc import abstractmethod

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn


class ManagedNode(LifecycleNode):
    """A lifecycle node that says how it stops and what it frees; when, is decided here.

    A subclass sets ``_complete`` at the end of its constructor: what was never built is not stopped. (The context
    destroys its nodes also when a constructor fails.)
    """

    _complete = False

    @abstractmethod
    def _stop(self) -> bool:
        """End the work, if any is under way; False if it does not end."""

    @abstractmethod
    def _free(self) -> None:
        """Give back what configuring made."""

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
