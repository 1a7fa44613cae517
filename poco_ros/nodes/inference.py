"""What the inference thread does with one image: decode, place the camera, estimate, publish."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from poco_ros.calibration.calibrator import Calibrator
from poco_ros.conversions import ArrayContext
from poco_ros.errors import CameraError, ImageError
from poco_ros.nodes.camera_input import CameraInput
from poco_ros.nodes.health import Event, Health
from poco_ros.nodes.image_input import Picture
from poco_ros.pipeline import Estimate
from poco_ros.types import Bodies, Boxes, Frame

#: A message later than this after its capture does not tell a delay but clocks that do not compare (an old bag).
LONGEST_DELAY_S = 60.0


class Estimator(Protocol):
    """What inference needs of a :class:`~poco_ros.pipeline.Pipeline`."""

    calibrator: Calibrator | None

    def process(self, frame: Frame, boxes: Boxes | None = None) -> Estimate:
        """Estimate the bodies in one frame."""

    def reset(self) -> None:
        """Forget everybody."""


class Log(Protocol):
    """The part of a node's logger that is used here."""

    def warning(self, message: str, *, throttle_duration_sec: float) -> bool:
        """Log a warning."""

    def error(self, message: str, *, throttle_duration_sec: float) -> bool:
        """Log an error."""


@dataclass(frozen=True, eq=False)
class Job:
    """One image to estimate.

    :param picture: the image.
    :param boxes: of another detector; None runs the built-in one.
    :param segment: a new number where the video starts anew.
    """

    picture: Picture
    boxes: Boxes | None
    segment: int


def publish_delay_s(stamp_ns: int, now_ns: int) -> float:
    """Return the time from capture to now, NaN where the two clocks do not compare (negative, or absurdly long)."""
    delay = (now_ns - stamp_ns) * 1e-9
    return delay if 0.0 <= delay <= LONGEST_DELAY_S else math.nan


class Inference:
    """Works on jobs one after the other; whatever happens with one image, the next one is worked on.

    :param estimator: the pipeline.
    :param camera: gives the camera of each image.
    :param health: is told what happens.
    :param now_ns: the node's clock.
    :param publish: sends the bodies.
    :param epoch: of this activation.
    :param model_id: as in the model-info message.
    :param log: the node's logger.
    """

    def __init__(
        self, estimator: Estimator, camera: CameraInput, health: Health, *, now_ns: Callable[[], int],
        publish: Callable[[Bodies, ArrayContext], None], epoch: int, model_id: str, log: Log,
    ) -> None:
        self._estimator = estimator
        self._camera = camera
        self._health = health
        self._now_ns = now_ns
        self._publish = publish
        self._epoch = epoch
        self._model_id = model_id
        self._log = log
        self._segment: int | None = None
        self._skipped = 0

    def __call__(self, job: Job, skipped: int) -> None:
        """Estimate one image and publish the result; failures are counted and logged, never raised."""
        self._skipped += skipped
        self._health.passed_over(skipped)
        try:
            self._work(job)
        except ImageError as error:
            self._failed(Event.BAD_IMAGE, f'image cannot be read: {error}', str(error))
        except CameraError as error:
            self._failed(Event.BAD_CAMERA, f'camera cannot be used: {error}', str(error))
        except Exception as error:
            reason = f'{type(error).__name__}: {error}'
            self._failed(Event.INFERENCE_FAILED, f'inference failed on an image: {reason}', reason)
            self._segment = None  # what the pipeline remembers may be half of a frame: start anew

    def _work(self, job: Job) -> None:
        picture = job.picture
        image = picture.decode()
        height, width = image.shape[:2]
        camera = self._camera.camera((width, height), picture.stamp_ns)
        if camera is None:
            self._health.happened(Event.NO_CAMERA, self._now_s())
            return
        if job.segment != self._segment:
            self._estimator.reset()
            self._segment = job.segment
        if not picture.frame_id:
            self._health.happened(Event.EMPTY_FRAME_ID, self._now_s())
        frame = Frame(image, camera, picture.stamp_ns, picture.frame_id)
        estimate = self._estimator.process(frame, job.boxes)
        delay_s = publish_delay_s(picture.stamp_ns, self._now_ns())
        self._publish(estimate.bodies, ArrayContext(
            camera, picture.stamp_ns, picture.frame_id, self._epoch, self._model_id, skipped_frames=self._skipped,
            publish_delay_s=delay_s).calibrated(self._estimator.calibrator))
        self._skipped = 0
        self._health.message_published(self._now_s(), delay_s, len(estimate.bodies), estimate.stage_ms)

    def _now_s(self) -> float:
        return self._now_ns() * 1e-9

    def _failed(self, event: Event, message: str, reason: str) -> None:
        self._health.happened(event, self._now_s(), reason)
        level = self._log.error if event is Event.INFERENCE_FAILED else self._log.warning
        level(message, throttle_duration_sec=5.0)
