"""The trust ramp is ordered and told apart by everybody; tracks keep their colour."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from poco_ros.drawing.colors import STATE_COLORS, TRUST_RAMP, UNKNOWN_COLOR, state_colors, track_color, trust_colors
from poco_ros.types import State

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
COLOUR_BLINDNESS = {
    'none': np.eye(3),
    'protanopia': [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    'deuteranopia': [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    'tritanopia': [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def as_seen(colors, blindness):
    srgb = np.asarray(colors) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.asarray(COLOUR_BLINDNESS[blindness]).T, 0, 1)
    return rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))


def differences(a, b):
    a, b = np.broadcast_arrays(a, b)
    return deltaE_ciede2000(a, b)


@pytest.mark.parametrize('blindness', COLOUR_BLINDNESS)
def test_trust_values_far_apart_are_told_apart(blindness):
    trust = np.linspace(0, 1, 101)
    lab = as_seen(trust_colors(trust), blindness)
    apart = differences(lab[:, None], lab[None])
    distance = np.abs(trust[:, None] - trust[None])
    assert apart[distance >= 0.3].min() > 14  # 2.3 is just noticeable
    assert apart[distance >= 0.5].min() > 25
    unknown = as_seen([UNKNOWN_COLOR], blindness)
    assert differences(lab, unknown).min() > 12


def test_steps_of_the_ramp_look_even():
    lab = as_seen(trust_colors(np.linspace(0, 1, 51)), 'none')
    steps = differences(lab[1:], lab[:-1])
    assert steps.max() < 1.8 * steps.min()


def test_ramp_runs_from_red_to_blue_and_clips():
    colors = trust_colors([-3.0, 0.0, 0.5, 1.0, 7.0, np.nan, np.inf])
    assert colors.dtype == np.uint8
    assert colors[0].tolist() == colors[1].tolist() == list(TRUST_RAMP[-1])
    assert colors[3].tolist() == colors[4].tolist() == colors[6].tolist() == list(TRUST_RAMP[0])
    assert colors[1, 0] > 100 > colors[1, 2] and colors[3, 2] > 100 > colors[3, 0]
    assert np.abs(colors[2].astype(int) - TRUST_RAMP[5]).max() <= 2
    assert colors[5].tolist() == list(UNKNOWN_COLOR)
    assert trust_colors(np.zeros((2, 3))).shape == (2, 3, 3)


def test_track_colors_are_stable_and_differ_for_people_in_one_picture():
    assert track_color(17) == track_color(17)
    assert track_color(-1) == (255, 255, 255)
    for first in (1, 40, 100_000):
        lab = as_seen([track_color(first + i) for i in range(5)], 'none')
        apart = differences(lab[:, None], lab[None])
        assert apart[~np.eye(5, dtype=bool)].min() > 8
    assert all(0 <= channel <= 255 for channel in track_color(2**31 - 1))


def test_every_state_has_its_own_colour():
    assert set(STATE_COLORS) == set(State)
    lab = as_seen([STATE_COLORS[s] for s in State], 'none')
    apart = differences(lab[:, None], lab[None])
    assert apart[~np.eye(len(State), dtype=bool)].min() > 10


def test_states_become_their_colours_in_any_shape():
    states = np.uint8([[State.OBSERVED, State.LOST], [State.HELD, State.UNKNOWN]])
    expected = [[STATE_COLORS[State(s)] for s in row] for row in states.tolist()]
    np.testing.assert_array_equal(state_colors(states), expected)
