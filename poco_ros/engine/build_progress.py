"""One number for how far a TensorRT build is, out of the nested phases that it reports."""

from __future__ import annotations

import threading

from poco_ros.engine.base import Progress


class BuildProgress:
    """Turns phases and steps into a share that only ever grows.

    TensorRT's phases form a tree that is known only as it is walked: the steps of a phase count equally, and what runs
    inside a step fills that step's part. TensorRT calls from several threads; so is the listener called, but only by
    one at a time. A listener that raises stops the build; :meth:`raise_if_stopped` gives its exception to the builder.

    :param progress: told ``what`` and the share, 0 to 1, when it has grown by a hundredth.
    :param what: is being done, in words.
    """

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._what = progress, what
        self._lock = threading.Lock()
        self._phases: dict[str, _Phase] = {}
        self._told = -1.0
        self._stopped: BaseException | None = None
        self._tell(0.0)

    def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
        """A phase of so many steps begins, inside another or none."""
        with self._lock:
            above = self._phases.get(parent) if parent is not None else None
            self._phases[phase] = _Phase(above, max(steps, 1))

    def step_complete(self, phase: str, step: int) -> bool:
        """A step is done, counted from 0. False once the listener has raised."""
        with self._lock:
            found = self._phases.get(phase)
            if found is not None:
                found.done = max(found.done, min(step + 1, found.steps))
                self._tell(found.share())
            return self._stopped is None

    def phase_finish(self, phase: str) -> None:
        """A phase ends, perhaps before its last step."""
        with self._lock:
            found = self._phases.pop(phase, None)
            if found is not None:
                found.done = found.steps
                self._tell(found.share())

    def finish(self) -> None:
        """The build is done."""
        with self._lock:
            self._told = min(self._told, 0.99)
            self._tell(1.0)

    def raise_if_stopped(self) -> None:
        """Raise what the listener raised, if it did."""
        if self._stopped is not None:
            raise self._stopped

    def _tell(self, share: float) -> None:
        if self._stopped is not None or share < self._told + 0.01:
            return
        self._told = share
        try:
            self._progress(self._what, share)
        except BaseException as error:
            self._stopped = error


class _Phase:
    def __init__(self, parent: _Phase | None, steps: int) -> None:
        self.parent, self.steps, self.done = parent, steps, 0
        self.step_of_parent = parent.done if parent is not None else 0

    def share(self) -> float:
        """Share of the outermost phase that is done, below 1: only the builder knows that nothing follows."""
        share, phase = self.done / self.steps, self
        while phase.parent is not None:
            share = min((phase.step_of_parent + share) / phase.parent.steps, 1.0)
            phase = phase.parent
        return min(share, 0.99)
