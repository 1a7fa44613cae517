"""Left and right exchanged on purpose are found, and small errors are not taken for it."""

from __future__ import annotations

import dataclasses

import numpy as np
import synth_samples

from poco_ros.body.model_file import load_body_model
from poco_ros.evaluation.exchanged_sides import exchanged
from poco_ros.regressors.lift.rig import LANDMARK_NAMES


def other_side(name: str) -> str:
    side, _, part = name.partition('_')
    return {'left': f'right_{part}', 'right': f'left_{part}'}.get(side, name)


def test_whose_sides_are_exchanged():
    people = synth_samples.samples(load_body_model(), 12, 4)
    everybody = np.arange(len(people))
    order = [LANDMARK_NAMES.index(other_side(name)) for name in LANDMARK_NAMES]
    chosen = everybody % 3 == 0
    given = people.landmarks.image_px
    mixed = np.where(chosen[:, None, None], given[:, order], given)
    landmarks = dataclasses.replace(people.landmarks, image_px=mixed)
    assert not exchanged(people).any()
    np.testing.assert_array_equal(exchanged(dataclasses.replace(people, landmarks=landmarks)), chosen)

    hidden = dataclasses.replace(people, landmarks=landmarks, joint_visibility=np.zeros_like(people.joint_visibility))
    assert not exchanged(hidden).any()
    nothing = dataclasses.replace(people.landmarks, image_px=np.full_like(given, np.nan))
    assert not exchanged(dataclasses.replace(people, landmarks=nothing)).any()
