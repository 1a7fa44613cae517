"""A rendered frame as it would be in a mirror: a picture of a second person, at hardly any cost."""

from __future__ import annotations

import numpy as np

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.rotations import Floats
from poco_ros.body.smpl import MIRROR
from poco_ros.synth.scene import Picture
from poco_ros.synth.viewpoint import View

_TO_THE_SIDE = np.array([-1.0, 1.0, 1.0])


def mirrored(picture: Picture, view: View, rest_joints: Floats) -> Picture:
    """Return the picture mirrored left to right, and the truth about it.

    The body model is not quite symmetric: the joints are those of the same shape in the mirrored pose, with the
    pelvis where the mirror shows it.

    :param picture: as it was rendered.
    :param view: the camera, whose principal point is the middle of its picture.
    :param rest_joints: (24, 3) of the person, metres.
    """
    rotmats = picture.rotmats[MIRROR] * np.outer(_TO_THE_SIDE, _TO_THE_SIDE)
    pelvis = picture.joints[0] * _TO_THE_SIDE
    rest = np.asarray(rest_joints, np.float64)
    joints, _ = forward_kinematics(rotmats[None], rest[None])
    transl = pelvis - rest[0]
    left, top, right, bottom = picture.box_px
    return Picture(
        image=np.ascontiguousarray(picture.image[:, ::-1]), label=np.ascontiguousarray(picture.label[:, ::-1]),
        depth=np.ascontiguousarray(picture.depth[:, ::-1]), alone=np.ascontiguousarray(picture.alone[:, ::-1]),
        window=picture.window.mirrored(view), rotmats=rotmats, joints=(joints[0] + transl).astype(np.float32),
        transl=transl.astype(np.float32),
        box_px=np.array([view.width - 1 - right, top, view.width - 1 - left, bottom]),
    )  # fmt: skip
