"""People as sums of targets: the shares that must add up, and the population drawn."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from poco_ros.body.open_body.shape import MODIFIERS, NEUTRAL, random_person, shaped, target_weights


@pytest.fixture(scope='module')
def people():
    rng = np.random.default_rng(0)
    return [random_person(rng) for _ in range(400)]


def total(weights, start):
    return sum(w for name, w in weights.items() if name.startswith(start))


def test_ancestry_and_build_are_shares_of_one(people):
    for person in people[:50]:
        weights = target_weights(person)
        ancestry = sum(total(weights, f'macrodetails/{a}') for a in ('caucasian', 'african', 'asian'))
        assert ancestry == pytest.approx(1, abs=1e-4)
        assert total(weights, 'macrodetails/universal') == pytest.approx(1, abs=1e-4)
        assert total(weights, 'breast/') == pytest.approx(1 - person.gender, abs=1e-4)
        assert total(weights, 'macrodetails/height') == pytest.approx(abs(2 * person.height - 1), abs=1e-4)


def test_an_extreme_person_is_one_target_of_each_kind():
    person = dataclasses.replace(
        NEUTRAL, gender=1.0, age=1.0, muscle=1.0, weight=0.0, height=1.0, proportions=0.0,
        ancestry=np.array([0, 1, 0]), modifiers=np.r_[-0.5, np.zeros(len(MODIFIERS) - 1)],
    )  # fmt: skip
    who = 'male-old-maxmuscle-minweight'
    assert target_weights(person) == {
        'macrodetails/african-male-old': 1.0,
        f'macrodetails/universal-{who}': 1.0,
        f'macrodetails/height/{who}-maxheight': 1.0,
        f'macrodetails/proportions/{who}-uncommonproportions': 1.0,
        'torso/torso-scale-horiz-decr': 0.5,
    }


def test_sided_modifiers_change_both_sides():
    index = next(i for i, m in enumerate(MODIFIERS) if '{side}' in m.name)
    person = dataclasses.replace(NEUTRAL, modifiers=np.eye(len(MODIFIERS))[index])
    weights = target_weights(person)
    assert weights['arms/l-lowerarm-fat-incr'] == weights['arms/r-lowerarm-fat-incr'] == 1


def test_shape_is_the_base_plus_the_targets_that_exist():
    weights = target_weights(NEUTRAL)
    there = 'macrodetails/asian-female-young'
    assets = SimpleNamespace(base=np.ones((5, 3)), target=lambda name: np.full((5, 3), 2.0) if name == there else None)
    np.testing.assert_allclose(shaped(assets, NEUTRAL), 1 + 2 * weights[there])
    np.testing.assert_array_equal(assets.base, np.ones((5, 3)))


def test_random_people_are_reproducible_and_in_range(people):
    again = random_person(np.random.default_rng(0))
    scalars = [dataclasses.replace(person, ancestry=0, modifiers=0) for person in (again, people[0])]
    assert scalars[0] == scalars[1]
    np.testing.assert_array_equal(again.modifiers, people[0].modifiers)
    for person in people:
        for name in ('gender', 'age', 'muscle', 'weight', 'height', 'proportions', 'cup', 'firmness'):
            assert 0 <= getattr(person, name) <= 1
        assert abs(person.modifiers).max() <= 1.2 and (person.ancestry > 0).all()


def test_fat_people_are_fat_all_over(people):
    fatness = np.array([p.fatness for p in people])
    modifiers = np.array([p.modifiers for p in people])
    for i, modifier in enumerate(MODIFIERS):
        correlation = np.corrcoef(fatness, modifiers[:, i])[0, 1]
        if modifier.by_fatness > 0.25:
            assert correlation > 0.3
        elif modifier.by_fatness == 0:
            assert abs(correlation) < 0.2
