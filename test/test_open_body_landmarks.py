"""Putting landmark vertices at their numbers."""

import numpy as np

from poco_ros.body.open_body.landmarks import SMPL_VERTEX, order_with_landmarks_in_place


def test_numbers_are_those_of_the_specification():
    """SPEC section 12, the 21 vertices after the 24 joints, in its order."""
    spec = [332, 6260, 2800, 4071, 583, 3216, 3226, 3387, 6617, 6624, 6787, 2746, 2319, 2445, 2556, 2673,
            6191, 5782, 5905, 6016, 6133]  # fmt: skip
    left, right = ([f'{s}{f}' for f in ('thumb', 'index', 'middle', 'ring', 'pinky')] for s in 'lr')
    feet = [f'{s}{n}' for s in 'LR' for n in ('BigToe', 'SmallToe', 'Heel')]
    assert [SMPL_VERTEX[n] for n in ['nose', 'reye', 'leye', 'rear', 'lear', *feet, *left, *right]] == spec


def test_landmarks_come_to_their_places_and_only_they_move_others():
    kept = np.sort(np.random.default_rng(0).choice(13380, 6890, replace=False))
    for seed in range(5):
        picked = np.random.default_rng(seed).choice(kept, len(SMPL_VERTEX), replace=False)
        landmarks = dict(zip(SMPL_VERTEX, picked.tolist(), strict=True))
        order = order_with_landmarks_in_place(kept, landmarks)
        assert sorted(order) == list(range(6890))
        for name, place in SMPL_VERTEX.items():
            assert kept[order][place] == landmarks[name]
        assert (order != np.arange(6890)).sum() <= 2 * len(SMPL_VERTEX)


def test_landmarks_that_sit_on_each_others_places():
    kept = np.arange(6890)
    places = list(SMPL_VERTEX.values())
    landmarks = dict(zip(SMPL_VERTEX, places[1:] + places[:1], strict=True))
    order = order_with_landmarks_in_place(kept, landmarks)
    for name, place in SMPL_VERTEX.items():
        assert order[place] == landmarks[name]
