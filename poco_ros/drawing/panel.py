"""Text on a picture: plates that stay readable on any background, and the legend of the trust colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from poco_ros.drawing.colors import STATE_COLORS, UNKNOWN_COLOR, Image, Rgb, trust_colors
from poco_ros.types import State

WHITE: Rgb = (245, 245, 245)
_PLATE: Rgb = (18, 20, 24)
_PLATE_OPACITY = 0.72
_FONT = cv2.FONT_HERSHEY_DUPLEX
_LINE_SPACING = 1.55

Corner = Literal['top left', 'top right', 'bottom left', 'bottom right']


def text_height(image: Image) -> int:
    """Return the height of capitals that reads well on an image of this size, in pixels."""
    return int(np.clip(round(min(image.shape[0], image.shape[1] * 9 / 16) / 46), 7, 40))


def plate_size(lines: Sequence[str], height: int) -> tuple[int, int]:
    """Return width and height in pixels of the plate around lines whose capitals are ``height`` pixels high."""
    width = max((_text_width(line, height) for line in lines), default=0)
    return width + 2 * height, round(height * (_LINE_SPACING * (len(lines) - 1) + 1)) + 2 * _margin(height)


def draw_plate(
    image: Image, lines: Sequence[str], at: tuple[int, int], height: int, colors: Sequence[Rgb] = (),
) -> None:
    """Draw lines of text on a dark see-through plate with round corners.

    :param image: (H, W, 3) uint8 RGB, changed in place. What lies beyond its border is cut off.
    :param lines: ASCII (other signs show as ``?``); nothing is drawn without a line.
    :param at: x, y of the plate's upper left corner, in pixels.
    :param height: of capitals, in pixels.
    :param colors: one colour for each line; white where missing.
    """
    if not lines:
        return
    size = plate_size(lines, height)
    fill_plate(image, at, size, height // 2)
    for number, line in enumerate(lines):
        baseline = at[1] + _margin(height) + height + round(number * height * _LINE_SPACING)
        color = colors[number] if number < len(colors) else WHITE
        _draw_text(image, line, (at[0] + height, baseline), height, color)


def draw_panel(image: Image, lines: Sequence[str], corner: Corner = 'top left') -> None:
    """Draw lines of text in a corner of a picture, as :func:`draw_plate` does."""
    height = text_height(image)
    draw_plate(image, lines, _corner(image, plate_size(lines, height), corner), height)


def draw_legend(image: Image, *, calibrated: bool, corner: Corner = 'bottom right') -> None:
    """Draw the ramp of trust colours with words at its ends, and the colour of the unknown.

    :param image: (H, W, 3) uint8 RGB, changed in place.
    :param calibrated: whether calibrated numbers are shown; if not, the legend says so.
    :param corner: where.
    """
    height = text_height(image)
    words = ('do not trust', 'trust' if calibrated else 'trust (uncalibrated)')
    widths = [_text_width(word, height) for word in (*words, 'unknown')]
    bar = 9 * height
    gap = height
    width = gap + widths[0] + gap + bar + gap + widths[1] + 2 * gap + height + gap // 2 + widths[2] + gap
    size = (width, 2 * _margin(height) + height)
    x, y = _corner(image, size, corner)
    fill_plate(image, (x, y), size, height // 2)
    top, baseline = y + _margin(height), y + _margin(height) + height
    x += gap
    _draw_text(image, words[0], (x, baseline), height, WHITE)
    x += widths[0] + gap
    ramp = np.broadcast_to(trust_colors(np.linspace(0, 1, bar)), (height, bar, 3))
    _paste(image, ramp, (x, top))
    x += bar + gap
    _draw_text(image, words[1], (x, baseline), height, WHITE)
    x += widths[1] + 2 * gap
    cv2.rectangle(image, (x, top), (x + height, baseline - 1), UNKNOWN_COLOR, -1)
    _draw_text(image, 'unknown', (x + height + gap // 2, baseline), height, WHITE)


def draw_state_legend(image: Image, corner: Corner = 'bottom right') -> None:
    """Draw the colours of the states with their names.

    :param image: (H, W, 3) uint8 RGB, changed in place.
    :param corner: where.
    """
    height = text_height(image)
    names = {state: state.name.lower() for state in State if state is not State.UNKNOWN}
    width = height + sum(2 * height + height // 2 + _text_width(name, height) for name in names.values())
    size = (width, 2 * _margin(height) + height)
    x, y = _corner(image, size, corner)
    fill_plate(image, (x, y), size, height // 2)
    top, baseline = y + _margin(height), y + _margin(height) + height
    x += height
    for state, name in names.items():
        cv2.rectangle(image, (x, top), (x + height, baseline - 1), STATE_COLORS[state], -1)
        _draw_text(image, name, (x + height + height // 2, baseline), height, WHITE)
        x += 2 * height + height // 2 + _text_width(name, height)


def fill_plate(image: Image, at: tuple[int, int], size: tuple[int, int], radius: int) -> None:
    """Darken a rectangle with round corners, in place.

    :param image: (H, W, 3) uint8.
    :param at: x, y of the upper left corner; may lie outside the image.
    :param size: width and height in pixels.
    :param radius: of the corners, in pixels.
    """
    x0, y0 = max(at[0], 0), max(at[1], 0)
    x1, y1 = min(at[0] + size[0], image.shape[1]), min(at[1] + size[1], image.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    mask = np.zeros((size[1], size[0]), np.uint8)
    inner = (radius, radius), (size[0] - 1 - radius, size[1] - 1 - radius)
    cv2.rectangle(mask, (radius, 0), (inner[1][0], size[1] - 1), 255, -1)
    cv2.rectangle(mask, (0, radius), (size[0] - 1, inner[1][1]), 255, -1)
    for cx in (inner[0][0], inner[1][0]):
        for cy in (inner[0][1], inner[1][1]):
            cv2.circle(mask, (cx, cy), radius, 255, -1, cv2.LINE_AA)
    cover = mask[y0 - at[1]:y1 - at[1], x0 - at[0]:x1 - at[0], None] * (_PLATE_OPACITY / 255)
    part = image[y0:y1, x0:x1]
    part[:] = np.rint(part * (1 - cover) + np.asarray(_PLATE) * cover).astype(np.uint8)


def _margin(height: int) -> int:
    return round(height * 0.65)


def _corner(image: Image, size: tuple[int, int], corner: Corner) -> tuple[int, int]:
    border = text_height(image)
    vertical, horizontal = corner.split()
    x = border if horizontal == 'left' else image.shape[1] - size[0] - border
    y = border if vertical == 'top' else image.shape[0] - size[1] - border
    return x, y


def _scale(height: int) -> float:
    return float(cv2.getFontScaleFromHeight(_FONT, height, 1))


def _text_width(text: str, height: int) -> int:
    return int(cv2.getTextSize(text, _FONT, _scale(height), 1)[0][0])


def _draw_text(image: Image, text: str, at: tuple[int, int], height: int, color: Rgb) -> None:
    """Draw one line with its baseline's left end at ``at``."""
    thickness = max(1, round(height / 14))
    cv2.putText(image, text, at, _FONT, _scale(height), color, thickness, cv2.LINE_AA)


def _paste(image: Image, patch: Image, at: tuple[int, int]) -> None:
    """Copy a patch into an image, cut off at the borders."""
    x0, y0 = max(at[0], 0), max(at[1], 0)
    x1, y1 = min(at[0] + patch.shape[1], image.shape[1]), min(at[1] + patch.shape[0], image.shape[0])
    if x1 > x0 and y1 > y0:
        image[y0:y1, x0:x1] = patch[y0 - at[1]:y1 - at[1], x0 - at[0]:x1 - at[0]]
