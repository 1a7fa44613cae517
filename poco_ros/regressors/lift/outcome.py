"""What is said of whom: which persons have a body at all, which of their joints were seen, and how that is written."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import Floats
from poco_ros.regressors.lift.rig import LANDMARK_INDEX
from poco_ros.types import Bodies, Boxes, State

# A joint that is less visible than this was not seen: its pose is what a relaxed body does there.
_SEEN = 0.1
_TRUNK = [LANDMARK_INDEX[name] for name in ('left_shoulder', 'right_shoulder', 'left_hip', 'right_hip')]


@dataclass(frozen=True)
class Outcome:
    """Of whom something can be said, and of which joints.

    :param usable: (N,) whether there is a body.
    :param joint_state: (N, 24) uint8 of :class:`State`: ``OBSERVED`` where something was seen of the joint, else
        ``UNKNOWN``; ``LOST`` where there is no body.
    """

    usable: npt.NDArray[np.bool_]
    joint_state: npt.NDArray[np.uint8]

    @classmethod
    def judge(cls, visibility: Floats, unseen: Floats, joints: Floats) -> Outcome:
        """Tell which persons have a body: a trunk in sight, a joint seen, and a body of numbers before the camera.

        :param visibility: (N, 33) of the landmarks, in [0, 1].
        :param unseen: (N, 24) in [0, 1], as :func:`poco_ros.regressors.lift.uncertainty.joint_uncertainty` gives it.
        :param joints: (N, 24, 3), metres, optical frame.
        """
        usable = (visibility[:, _TRUNK].sum(axis=1) > 1) & (unseen.min(axis=1) < 1 - _SEEN)
        usable &= np.isfinite(joints).all(axis=(1, 2)) & (joints[:, 0, 2] > 0)
        state = np.where(unseen < 1 - _SEEN, State.OBSERVED, State.UNKNOWN)
        state[~usable] = State.LOST
        return cls(usable, state.astype(np.uint8))

    def where_usable(self, array: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Return (N, ...) float32, NaN for persons of whom nothing can be said."""
        mask = self.usable.reshape(-1, *[1] * (array.ndim - 1))
        return np.where(mask, array, np.nan).astype(np.float32)

    def write(
        self, bodies: Bodies, *, pose: Floats, betas: npt.NDArray[np.floating], transl: Floats, joints: Floats
    ) -> Bodies:
        """Return bodies with these poses where there are some, and with states and ages.

        :param bodies: N persons, with identity and box.
        :param pose: (N, 24, 3) axis-angle.
        :param betas: (N, 10).
        :param transl: (N, 3) metres, optical frame.
        :param joints: (N, 24, 3) metres, optical frame, ``transl`` included.
        """
        return dataclasses.replace(
            bodies, pose=self.where_usable(pose), betas=self.where_usable(betas), transl=self.where_usable(transl),
            joints=self.where_usable(joints),
            state=np.where(self.usable, State.OBSERVED, State.LOST).astype(np.uint8), joint_state=self.joint_state,
            joint_age=np.where(self.joint_state == State.OBSERVED, 0, np.nan).astype(np.float32),
        )  # fmt: skip


def unknown_bodies(boxes: Boxes) -> Bodies:
    """Return bodies of which nothing is known but the persons' identities and boxes."""
    return dataclasses.replace(
        Bodies.unknown(len(boxes)), track_id=boxes.track_id.copy(), box_px=boxes.xyxy.copy(),
        box_score=boxes.score.copy(),
    )  # fmt: skip
