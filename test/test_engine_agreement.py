"""How far two runs differ: known shifts and turns give known millimetres and degrees, known swaps a known order."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from poco_ros.engine.agreement import Agreement, Limits, compare

N = 6
LIMITS = Limits(
    joints_mm=1, joints_worst_mm=2, vertices_mm=1, rotation_deg=1, rotation_worst_deg=2, betas=0.1, cam=0.1,
    sigma=0.01, sigma_worst=0.1, sigma_rank=0.99, scalar_rank=0.9,
)


def outputs(**changes: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    rotmat = Rotation.random(N * 24, random_state=3).as_matrix().reshape(N, 24, 3, 3)
    arrays = {
        'rotmat': rotmat, 'betas': rng.normal(size=(N, 10)), 'cam': rng.normal(size=(N, 3)),
        'joints': rng.normal(size=(N, 24, 3)), 'sigma': rng.random((N, 24)), 'uncertainty': np.linspace(0.1, 0.9, N),
    }
    return {name: array.astype(np.float32) for name, array in {**arrays, **changes}.items()}


def test_the_same_is_the_same() -> None:
    agreement = compare(outputs(), outputs())
    strictest = {field.name: 0.999 * field.name.endswith('_rank') for field in dataclasses.fields(Limits)}
    assert agreement.misses(Limits(**strictest)) == []
    assert (agreement.joints_mm, agreement.rotation_worst_deg, agreement.persons) == (0, 0, N)
    assert agreement.scalar_rank == agreement.sigma_rank == pytest.approx(1)
    assert math.isnan(agreement.vertices_mm)


def test_a_shift_of_one_person_in_millimetres() -> None:
    joints = outputs()['joints'].copy()
    joints[2] += np.float32([0.003, 0, 0.004])
    agreement = compare(outputs(), outputs(joints=joints))
    assert agreement.joints_mm == pytest.approx(5 / N, rel=1e-4)
    assert agreement.joints_worst_mm == pytest.approx(5, rel=1e-4)


@pytest.mark.parametrize('degrees', [0.001, 1, 90, 180])
def test_a_turn_of_one_joint_in_degrees(degrees: float) -> None:
    expected = outputs(rotmat=np.tile(np.eye(3), (N, 24, 1, 1)))
    turned = expected['rotmat'].copy()
    turned[4, 7] = Rotation.from_rotvec(np.radians(degrees) * np.array([0.6, 0, 0.8])).as_matrix()
    agreement = compare(expected, outputs(rotmat=turned))
    assert agreement.rotation_worst_deg == pytest.approx(degrees, rel=1e-3)
    assert agreement.rotation_deg == pytest.approx(degrees / (24 * N), rel=1e-3)


def test_the_order_of_persons() -> None:
    swapped = outputs()['uncertainty'][[1, 0, 2, 3, 4, 5]]
    # Spearman: 1 - 6 sum d^2 / (n (n^2 - 1)), with d = 1 twice.
    assert compare(outputs(), outputs(uncertainty=swapped)).scalar_rank == pytest.approx(1 - 12 / (6 * 35))
    assert compare(outputs(), outputs(uncertainty=-swapped[::-1][::-1])).scalar_rank < -0.9


def test_equal_values_have_no_order_to_lose_and_lost_order_is_none() -> None:
    same = np.full(N, 0.5)
    assert math.isnan(compare(outputs(uncertainty=same), outputs()).scalar_rank)
    lost = compare(outputs(), outputs(uncertainty=same))
    assert lost.scalar_rank == 0
    assert lost.misses(LIMITS) == ['scalar_rank is 0, the limit is 0.9']


def test_too_few_persons_have_no_order() -> None:
    few = {name: array[:3] for name, array in outputs().items()}
    assert math.isnan(compare(few, few).scalar_rank)


def test_the_order_of_persons_who_are_trusted_alike_is_not_judged() -> None:
    alike = np.float32(0.5) + np.linspace(0, 0.001, N)
    agreement = compare(outputs(uncertainty=alike), outputs(uncertainty=alike[::-1]))
    assert agreement.scalar_rank == pytest.approx(-1)
    assert agreement.misses(LIMITS) == []
    assert agreement.misses(dataclasses.replace(LIMITS, sigma=1e-6)) == ['scalar_rank is -1, the limit is 0.9']


@pytest.mark.parametrize('name', ['rotmat', 'betas', 'cam', 'joints', 'sigma', 'uncertainty'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_what_is_not_finite_misses_every_limit(name: str, value: float) -> None:
    array = outputs()[name].copy()
    array.flat[-1] = value
    prefix = {'rotmat': 'rotation', 'uncertainty': 'scalar'}.get(name, name)
    misses = compare(outputs(), outputs(**{name: array})).misses(LIMITS)
    assert misses
    assert all(line.startswith(prefix) for line in misses)


def test_a_network_without_uncertainty_or_with_vertices() -> None:
    plain = {name: array for name, array in outputs().items() if name not in ('sigma', 'uncertainty')}
    plain['vertices'] = np.zeros((N, 9, 3), np.float32)
    moved = {**plain, 'vertices': plain['vertices'] + np.float32(0.001)}
    agreement = compare(plain, moved)
    assert agreement.vertices_mm == pytest.approx(math.sqrt(3), rel=1e-5)
    assert agreement.misses(LIMITS) == ['vertices_mm is 1.732, the limit is 1']
    assert agreement.to_dict()['sigma'] is None


@pytest.mark.parametrize('found', [{'joints': np.zeros((N, 23, 3), np.float32)}, {'joints': np.zeros((0, 24, 3))}])
def test_another_shape_is_an_error(found: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r'joints must have the shape \(6, 24, 3\), got'):
        compare(outputs(), {**outputs(), **found})
    with pytest.raises(ValueError, match='got nothing'):
        compare(outputs(), {})


def test_limits_and_agreement_name_the_same_things() -> None:
    names = [field.name for field in dataclasses.fields(Agreement)]
    assert {field.name for field in dataclasses.fields(Limits)} == set(names) - {'persons', 'scalar_spread'}
