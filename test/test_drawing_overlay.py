"""The picture people see: everything in one, and nothing of what is not known."""

import dataclasses

import numpy as np
import pytest
from body_scenes import standing

from poco_ros.body.model_file import load_body_model
from poco_ros.camera import Camera
from poco_ros.drawing import overlay, panel
from poco_ros.drawing.colors import STATE_COLORS, track_color, trust_colors
from poco_ros.drawing.overlay import STYLES, OverlayPainter
from poco_ros.drawing.trust import NO_TRUST_ERROR_MM
from poco_ros.types import Bodies, State

CAMERA = Camera.assumed(640, 360)


@pytest.fixture(scope='module')
def open_body():
    return load_body_model()


@pytest.fixture
def bodies(open_body):
    return standing(open_body, CAMERA, [(-0.8, 0.0, 4.0), (0.9, 0.0, 4.5)])


def photo():
    return np.random.default_rng(0).integers(90, 130, (360, 640, 3), np.uint8)


def differs(a, b):
    return (a != b).any(axis=2)


@pytest.mark.parametrize('style', STYLES)
def test_people_are_drawn_in_the_colour_of_their_trust(open_body, bodies, style):
    image = photo()
    picture = OverlayPainter(open_body).paint(image, bodies, CAMERA, style)
    np.testing.assert_array_equal(image, photo())
    column, row = np.rint(CAMERA.project(bodies.joints[:, 6])).astype(int).T  # on the trunk, seen from the front
    trusted, doubtful = picture[row, column].astype(int)
    assert trusted[2] > trusted[0] + 60 and doubtful[0] > doubtful[2] + 40
    if style != 'mesh':
        np.testing.assert_array_equal([trusted, doubtful], trust_colors([0.95, 0.05]))
    box_side = picture[int(bodies.box_px[0, 1:4:2].mean()), round(float(bodies.box_px[0, 0]))]
    assert box_side.tolist() == list(track_color(3))


def test_mesh_without_a_body_model_is_a_skeleton(bodies):
    painter = OverlayPainter(None)
    np.testing.assert_array_equal(
        painter.paint(photo(), bodies, CAMERA, 'mesh'), painter.paint(photo(), bodies, CAMERA, 'skeleton'))


def test_mesh_covers_more_than_the_skeleton_and_both_holds_both(open_body, bodies):
    painter = OverlayPainter(open_body)
    drawn = {style: differs(painter.paint(photo(), bodies, CAMERA, style), photo()) for style in STYLES}
    assert drawn['mesh'].sum() > 1.3 * drawn['skeleton'].sum()
    assert (drawn['mesh'] | drawn['skeleton']).sum() <= 1.01 * drawn['both'].sum()


@pytest.mark.parametrize('style', STYLES)
def test_a_body_of_which_nothing_is_known_draws_nothing(open_body, style):
    painter = OverlayPainter(open_body)
    nobody = painter.paint(photo(), Bodies.unknown(0), CAMERA, style)
    np.testing.assert_array_equal(painter.paint(photo(), Bodies.unknown(2), CAMERA, style), nobody)


def test_one_nan_field_leaves_out_only_that_body(open_body, bodies):
    bodies.pose[1, 5, 2] = np.nan
    bodies.joints[1] = np.nan
    painter = OverlayPainter(open_body)
    alone, both = (painter.paint(photo(), b, CAMERA, 'mesh') for b in (bodies.take([0]), bodies))
    box = bodies.box_px[1].astype(int)
    changed = differs(alone, both)
    assert not changed[box[1] + 40:box[3] - 20, box[0] + 20:box[2] - 20].any()  # only the frame and label of number 7
    assert changed.any()


def test_order_of_the_message_does_not_matter(open_body, bodies):
    bodies.transl[1, 0], bodies.joints[1, :, 0] = -0.7, bodies.joints[1, :, 0] - 1.6  # behind the other one
    painter = OverlayPainter(open_body)
    np.testing.assert_array_equal(
        painter.paint(photo(), bodies, CAMERA, 'both'), painter.paint(photo(), bodies.take([1, 0]), CAMERA, 'both'))


def test_calibrated_numbers_change_the_words(open_body, bodies):
    calibrated = dataclasses.replace(
        bodies, confidence=np.float32([0.95, 0.05]),
        joint_error_mm=NO_TRUST_ERROR_MM * np.repeat(np.float32([[0.05], [0.95]]), 24, axis=1))
    painter = OverlayPainter(open_body)
    before, after = (painter.paint(photo(), b, CAMERA, 'skeleton') for b in (bodies, calibrated))
    changed = differs(before, after)
    column, row = np.rint(CAMERA.project(bodies.joints[:, 6])).astype(int).T
    assert not changed[row, column].any()  # the same trust
    assert changed[-40:, 320:].any() and changed[:100].any()  # legend and labels say so


def test_somebody_of_unknown_trust_does_not_call_the_others_uncalibrated(open_body, bodies):
    """As a person whom nobody has seen for a while, beside one who is seen."""
    calibrated = dataclasses.replace(
        bodies, confidence=np.float32([0.95, np.nan]), uncertainty=np.float32([0.1, np.nan]),
        joint_error_mm=np.repeat(np.float32([[20], [np.nan]]), 24, axis=1),
        joint_uncertainty=np.repeat(np.float32([[0.1], [np.nan]]), 24, axis=1),
        joint_state=np.repeat(np.uint8([[State.OBSERVED], [State.HELD]]), 24, axis=1))
    sigma_known = dataclasses.replace(calibrated, joint_uncertainty=np.full((2, 24), 0.1, np.float32))
    painter = OverlayPainter(open_body)
    alone, both, uncalibrated = (painter.paint(photo(), b, CAMERA, 'skeleton')[-40:, 320:] for b in (
        calibrated.take([0]), calibrated, sigma_known))
    legend = np.s_[-25:, :]
    np.testing.assert_array_equal(both[legend], alone[legend])
    assert (uncalibrated[legend] != alone[legend]).any()


def test_captions_stand_in_the_lower_left_corner(open_body):
    painter = OverlayPainter(open_body)
    plain, captioned = (painter.paint(photo(), Bodies.unknown(0), CAMERA, captions=c) for c in ((), ('2 people',)))
    rows, columns = np.nonzero(differs(plain, captioned))
    assert rows.min() > 300 and columns.max() < 200


def label_rectangles(monkeypatch, painter, bodies):
    """Where the plates of the labels were put, as x_min, y_min, x_max, y_max."""
    plates = []

    def draw_plate(image, lines, at, height, colors=()):
        size = panel.plate_size(lines, height)
        plates.append((*at, at[0] + size[0], at[1] + size[1]))

    monkeypatch.setattr(overlay, 'draw_plate', draw_plate)
    painter.paint(photo(), bodies, CAMERA)
    return plates


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize('box', [
    (200, 100, 300, 300), (200, 0, 300, 360), (5, 2, 100, 350), (560, 2, 660, 350), (-50, -40, 60, 60)])
def test_label_stands_beside_the_box_within_the_picture(monkeypatch, bodies, box):
    bodies.box_px[:] = [box, (np.nan,) * 4]
    (label,) = label_rectangles(monkeypatch, OverlayPainter(None), bodies)
    assert not overlap(label, box)
    assert label[0] >= 0 and label[1] >= 0 and label[2] <= 640 and label[3] <= 360


def test_labels_of_people_close_together_do_not_cover_each_other(monkeypatch, bodies):
    bodies.box_px[:] = [(200, 100, 260, 300), (210, 100, 280, 300)]
    first, second = label_rectangles(monkeypatch, OverlayPainter(None), bodies)
    assert not overlap(first, second)


def test_a_label_without_room_beside_the_box_lies_on_it_within_the_picture(monkeypatch, bodies):
    bodies.box_px[:] = [(-1e9, -5, 700, 400), (np.nan,) * 4]
    (label,) = label_rectangles(monkeypatch, OverlayPainter(None), bodies)
    assert label[0] >= 0 and label[1] >= 0 and label[2] <= 640 and label[3] <= 360


def test_colours_of_states_and_nothing_of_what_is_lost(open_body, bodies):
    states = bodies.joint_state.copy()
    states[0] = State.INFILLED
    states[1, [16, 18, 20, 22]] = State.LOST
    told = dataclasses.replace(bodies, joint_state=states)
    painter = OverlayPainter(open_body)
    picture = painter.paint(photo(), told, CAMERA, 'skeleton', color_by='state')
    column, row = np.rint(CAMERA.project(bodies.joints[:, 6])).astype(int).T
    np.testing.assert_array_equal(picture[row, column], [STATE_COLORS[State.INFILLED], STATE_COLORS[State.OBSERVED]])
    # the hand of the lost arm is as the photograph, in every style, that of the other arm is not
    (lost, there) = np.rint(CAMERA.project(bodies.joints[1, [20, 21]])).astype(int)
    for style in STYLES:
        drawn = differs(painter.paint(photo(), told, CAMERA, style), photo())
        assert drawn[there[1], there[0]] and not drawn[lost[1] - 3:lost[1] + 4, lost[0] - 3:lost[0] + 4].any()
