"""Assignment against trying every permutation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from poco_ros.people.assignment import assign


def best_by_trying(similarity, minimum):
    rows, columns = similarity.shape
    size = max(rows, columns)
    padded = np.zeros((size, size))
    padded[:rows, :columns] = np.where(similarity >= minimum, similarity, 0)
    return max(padded[np.arange(size), order].sum() for order in itertools.permutations(range(size)))


@pytest.mark.parametrize('seed', range(30))
def test_total_is_the_greatest_possible(seed):
    rng = np.random.default_rng(seed)
    similarity = rng.random(rng.integers(1, 6, 2))
    rows, columns = assign(similarity, 0.4)
    assert similarity[rows, columns].sum() == pytest.approx(best_by_trying(similarity, 0.4))
    assert (similarity[rows, columns] >= 0.4).all()
    assert len(set(rows)) == len(set(columns)) == len(rows)


def test_nothing_matches_nothing():
    for shape in ((0, 3), (3, 0), (0, 0)):
        assert len(assign(np.zeros(shape), 0.1).rows) == 0
    assert len(assign(np.full((2, 2), 0.05), 0.1).rows) == 0
