"""A network's outputs in the optical frame, against the golden arrays and closed forms; and what is no body."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from compiled_fakes import outputs

from poco_ros import crops, weak_perspective
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.camera import Camera
from poco_ros.regressors.compiled.boxes import without_distortion
from poco_ros.regressors.compiled.outputs import place

CALIBRATED = Camera(640, 480, 510.0, 510.0, 300.0, 250.0)


@pytest.mark.shared
@pytest.mark.parametrize('name', ['poco_cliff', 'poco_pare', 'poco_hmr'])
def test_published_outputs(name: str, shared_dir: Path) -> None:
    golden = np.load(shared_dir / f'spec/golden/{name}.npz')
    squares = np.column_stack([golden['center_xy'], 200 * golden['scale']])
    for i, (height, width) in enumerate(golden['orig_shape_hw'].tolist()):
        given = {'rotmat': golden['pred_rotmat'], 'betas': golden['pred_shape'], 'cam': golden['pred_cam'],
                 'sigma': golden['sigma']}
        placed = place(outputs(1, **{key: value[i:i + 1] for key, value in given.items()}), squares[i:i + 1],
                       Camera.assumed(width, height))
        assert placed.known.all()
        np.testing.assert_allclose(axis_angle_to_matrix(placed.pose[0]), golden['pred_rotmat'][i], atol=2e-6)
        np.testing.assert_array_equal(placed.betas[0], golden['pred_shape'][i])
        np.testing.assert_array_equal(placed.joint_uncertainty[0], golden['sigma'][i])
        if name == 'poco_cliff':
            np.testing.assert_allclose(placed.transl[0], golden['pred_fullimg_cam_t'][i], rtol=5e-7, atol=1e-6)
        else:
            # PARE and HMR only have a place in front of the crop's long camera: both must see the pelvis alike.
            seen = Camera.assumed(width, height).project(placed.transl)
            unit = weak_perspective.project_to_crop(np.zeros((1, 1, 3)), golden['pred_cam_t'][i:i + 1])
            np.testing.assert_allclose(
                seen, crops.unit_range_to_image(unit, squares[i:i + 1])[:, 0], rtol=2e-6)


@pytest.mark.parametrize('camera', [Camera.assumed(640, 480), CALIBRATED], ids=['assumed', 'calibrated'])
def test_joints_land_where_the_networks_own_camera_says(camera: Camera) -> None:
    """A body flat across the line of sight has one depth, so both cameras must agree to the last digit."""
    rng = np.random.default_rng(5)
    n = 6
    flat = rng.normal(0, 0.4, (n, 24, 3)) * [1, 1, 0]
    cam = np.column_stack([rng.uniform(0.4, 1.2, n), rng.normal(0, 0.1, (n, 2))])
    squares = np.column_stack([rng.uniform(50, 600, n), rng.uniform(50, 400, n), rng.uniform(60, 500, n)])
    placed = place(outputs(n, joints=flat, cam=cam), squares, camera)
    unit = cam[:, None, :1] * (flat[..., :2] + cam[:, None, 1:])
    np.testing.assert_allclose(
        camera.project(placed.joints), crops.unit_range_to_image(unit, squares), rtol=0, atol=2e-3)
    np.testing.assert_allclose(placed.joints - placed.transl[:, None], flat, atol=2e-6)
    np.testing.assert_allclose(placed.transl[:, 2], 2 * camera.fx / (cam[:, 0] * squares[:, 2]), rtol=1e-6)


def test_the_true_focal_length_gives_the_metric_distance() -> None:
    near = place(outputs(1), [[320, 240, 200]], Camera(640, 480, 400.0, 400.0, 320, 240)).transl
    far = place(outputs(1), [[320, 240, 200]], Camera(640, 480, 800.0, 800.0, 320, 240)).transl
    assert (near[0, 2], far[0, 2]) == (4, 8)


@pytest.mark.parametrize('place_m', [(0.0, 0.0, 3.0), (1.6, -0.4, 2.4), (-2.2, 0.6, 2.0)])
def test_a_body_behind_a_distorting_lens_is_found_where_it_is(place_m: tuple[float, float, float]) -> None:
    """What a network gives is taken to be the weak-perspective camera that fits the distorted picture best."""
    camera = Camera(1280, 960, 420.0, 420.0, 640.0, 480.0, np.array([-0.02, 0.005, 0.0, 0.0]), 'equidistant')
    points = np.random.default_rng(2).normal(0, 0.25, (24, 3)) * [1, 1, 0.3]
    pixels = camera.project(points + np.array(place_m))
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    square = np.array([[*(low + high) / 2, (high - low).max() * 1.1]])
    unit = 2 * (pixels - square[0, :2]) / square[0, 2]
    system = np.zeros((48, 3))  # unit = s * point + (s tx, s ty)
    system[:, 0] = points[:, :2].reshape(-1)
    system[0::2, 1] = system[1::2, 2] = 1
    s, *shift = np.linalg.lstsq(system, unit.reshape(-1), rcond=None)[0]
    answer = outputs(1, joints=points[None], cam=[[s, shift[0] / s, shift[1] / s]])
    found = place(answer, without_distortion(square, camera), camera)
    truth = np.array(place_m)
    error = np.linalg.norm(found.transl[0] - truth) / np.linalg.norm(truth)
    assert error < 0.03
    error_px = np.linalg.norm(camera.project(found.joints[0]) - pixels, axis=1)
    assert error_px.mean() < 0.06 * square[0, 2]
    # Off the axis the lens shrinks what it shows: taken at its word, the body would be elsewhere.
    naive = np.linalg.norm(place(answer, square, camera).transl[0] - truth) / np.linalg.norm(truth)
    assert not place_m[0] or naive > 0.15


def broken(name: str, value: float | np.ndarray) -> dict[str, np.ndarray]:
    """Return outputs for three persons, of which the second has a wrong value."""
    answer = outputs(3)
    answer[name][1] = value
    return answer


@pytest.mark.parametrize('answer', [
    broken('cam', np.array([0.0, 0, 0])), broken('cam', np.array([-0.5, 0, 0])), broken('cam', np.array([1e-42, 0, 0])),
    broken('cam', np.nan), broken('cam', np.array([1, np.inf, 0])), broken('betas', np.nan), broken('joints', np.inf),
    broken('sigma', np.nan), broken('uncertainty', -np.inf), broken('rotmat', np.nan), broken('rotmat', 0.0),
    broken('rotmat', np.diag([1.0, 0, 0])), broken('rotmat', np.diag([1.0, 1, -1])),
])  # fmt: skip
def test_what_is_no_body_in_front_of_the_camera_is_unknown_and_nobody_else(answer: dict[str, np.ndarray]) -> None:
    with np.errstate(all='raise'):
        placed = place(answer, np.tile([300.0, 200, 100], (3, 1)), CALIBRATED)
    assert placed.known.tolist() == [True, False, True]
    for field in dataclasses.fields(placed)[1:]:
        array = getattr(placed, field.name)
        assert array.dtype == np.float32
        assert np.isnan(array[1]).all() and np.isfinite(array[[0, 2]]).all(), field.name


def test_a_square_that_the_lens_does_not_see_makes_a_body_unknown() -> None:
    placed = place(outputs(2), [[np.nan, 200, 100], [300, 200, 100]], CALIBRATED)
    assert placed.known.tolist() == [False, True]


def test_a_network_without_uncertainty_states_none() -> None:
    answer = outputs(2)
    del answer['sigma'], answer['uncertainty']
    placed = place(answer, np.tile([300.0, 200, 100], (2, 1)), CALIBRATED)
    assert placed.known.all()
    assert np.isnan(placed.joint_uncertainty).all() and np.isnan(placed.uncertainty).all()
    assert placed.joint_uncertainty.shape == (2, 24) and placed.uncertainty.shape == (2,)
