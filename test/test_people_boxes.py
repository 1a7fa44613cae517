"""Boxes: overlap against shapely-like closed forms, and the box of a body."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from poco_ros.people.boxes import body_boxes, covered, iou
from poco_ros.types import Landmarks

BOXES = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 40], [2, 2, 4, 4], [3, 3, 3, 9]], float)


def pixels(box, size=60):
    y, x = np.mgrid[:size, :size]
    return (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])


def test_overlaps_agree_with_counting_pixels():
    union = np.array([[(pixels(a) | pixels(b)).sum() for b in BOXES] for a in BOXES])
    both = np.array([[(pixels(a) & pixels(b)).sum() for b in BOXES] for a in BOXES])
    own = np.array([[max(pixels(a).sum(), 1)] for a in BOXES])
    np.testing.assert_allclose(iou(BOXES, BOXES), both / np.maximum(union, 1))
    np.testing.assert_allclose(covered(BOXES, BOXES), both / own)


def test_no_boxes_give_empty_tables():
    assert iou(BOXES[:0], BOXES).shape == (0, 5)
    assert covered(BOXES, BOXES[:0]).shape == (5, 0)
    assert body_boxes(Landmarks.empty()).shape == (0, 4)


def standing(crown=100.0, height=400.0):
    """A person standing upright: ears, shoulders and the rest on the heights of an ordinary body."""
    share = np.full(33, 0.5)
    share[[0, *range(1, 7), 9, 10]], share[[7, 8]], share[[11, 12]] = 0.09, 0.075, 0.2
    share[[23, 24]], share[[25, 26]], share[[27, 28, 29, 30, 31, 32]] = 0.52, 0.74, 0.97
    points = np.zeros((1, 33, 2), np.float32)
    points[0, :, 1] = crown + height * share
    points[0, :, 0] = 300 + np.where(np.arange(33) % 2, -40, 40)
    base = dataclasses.asdict(Landmarks.empty())
    one = {name: np.ones((1, *value.shape[1:]), np.float32) for name, value in base.items()}
    return Landmarks(**{**one, 'image_px': points})


def test_box_of_a_standing_body_reaches_from_crown_to_sole():
    box = body_boxes(standing(crown=100, height=400))[0]
    assert box[1] == pytest.approx(100, abs=16)
    assert box[3] == pytest.approx(500, abs=16)
    assert box[0] == pytest.approx(260, abs=20)
    assert box[2] == pytest.approx(340, abs=20)


def test_what_left_the_picture_is_left_out_but_a_scrap_gets_all():
    body = standing()
    legs = np.ones((1, 33), np.float32)
    legs[:, 23:] = 0.1
    cut = body_boxes(dataclasses.replace(body, presence=legs))[0]
    assert cut[3] < 330
    scrap = np.zeros((1, 33), np.float32)
    scrap[:, 31:] = 1
    np.testing.assert_allclose(body_boxes(dataclasses.replace(body, presence=scrap)), body_boxes(body))
