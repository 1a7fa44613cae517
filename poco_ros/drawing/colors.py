"""Colours of the project's pictures and markers: how far to trust, how an estimate came to be, who is who.

Colours are RGB, uint8. The trust ramp goes from blue (trust) over a light middle to dark red (do not trust); its steps
are even in CIEDE2000, and its order survives the three kinds of colour blindness.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.types import State

Rgb = tuple[int, int, int]
Image = npt.NDArray[np.uint8]

#: The trust ramp: colours at trust 1.0, 0.9, ... 0.0.
TRUST_RAMP: tuple[Rgb, ...] = (
    (11, 98, 196), (0, 142, 208), (17, 179, 204), (123, 208, 190), (186, 225, 160), (236, 231, 89),
    (253, 192, 49), (244, 139, 23), (230, 85, 27), (199, 27, 43), (142, 6, 59),
)
#: Where nothing says how far to trust.
UNKNOWN_COLOR: Rgb = (107, 107, 107)
#: For outlines and words that tell how an estimate came to be; they differ in lightness too.
STATE_COLORS: dict[State, Rgb] = {
    State.UNKNOWN: (150, 150, 150),
    State.OBSERVED: (255, 255, 255),
    State.INFILLED: (120, 200, 255),
    State.HELD: (255, 200, 60),
    State.EXTRAPOLATED: (255, 120, 90),
    State.LOST: (225, 60, 120),
}

_STEPS = 256
#: Hues of following track numbers lie this far apart on the circle: never near each other for a handful of people.
_GOLDEN_RATIO = 0.6180339887498949


def _lookup_table() -> Image:
    """Return (257, 3): the ramp from trust 0 to 1 in 256 steps, and the colour of the unknown last."""
    ramp = np.asarray(TRUST_RAMP[::-1], np.float64)
    position = np.linspace(0, len(ramp) - 1, _STEPS)
    steps = [np.interp(position, np.arange(len(ramp)), ramp[:, channel]) for channel in range(3)]
    table = np.rint(np.stack(steps, axis=1)).astype(np.uint8)
    return np.concatenate([table, np.asarray([UNKNOWN_COLOR], np.uint8)])


_TABLE = _lookup_table()
_STATE_TABLE = np.asarray([STATE_COLORS[state] for state in State], np.uint8)


def trust_colors(trust: npt.ArrayLike) -> Image:
    """Return the colours of trust values.

    :param trust: (...) in [0, 1], values beyond are clipped; NaN where unknown.
    :returns: (..., 3) uint8, RGB.
    """
    value = np.asarray(trust, np.float64)
    step = np.clip(value, 0.0, 1.0) * (_STEPS - 1)
    index = np.where(np.isnan(value), _STEPS, np.rint(step)).astype(np.intp)  # NaN casts to anything, hence before
    colors: Image = _TABLE[index]
    return colors


def state_colors(state: npt.ArrayLike) -> Image:
    """Return the colours of states.

    :param state: (...) of :class:`~poco_ros.types.State`.
    :returns: (..., 3) uint8, RGB.
    """
    colors: Image = _STATE_TABLE[np.asarray(state, np.intp)]
    return colors


def track_color(track_id: int) -> Rgb:
    """Return the colour of a person's box: always the same for a ``track_id``, white where not tracked (-1)."""
    if track_id < 0:
        return (255, 255, 255)
    hue = (0.08 + track_id * _GOLDEN_RATIO) % 1.0
    # Light and pale, so that it is not taken for a colour of trust.
    hsv = np.asarray([[[round(hue * 180) % 180, 110, 255]]], np.uint8)
    red, green, blue = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].tolist()
    return (red, green, blue)


def rgb(color: npt.NDArray[Any]) -> Rgb:
    """Return a colour (3,) as the plain integers that OpenCV's drawing functions take."""
    red, green, blue = color.tolist()
    return (int(red), int(green), int(blue))
