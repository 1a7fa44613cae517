"""The noise behind the mock weights against the specification's script."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from poco_ros.networks.seeded_noise import uniform, unit_noise


@pytest.mark.shared
def test_noise_is_the_scripts_to_the_last_bit(shared_dir: Path) -> None:
    spec = importlib.util.spec_from_file_location('fill_weights', shared_dir / 'spec' / 'fill_weights.py')
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    cases = (('A', 'backbone.conv1.weight', (64, 3, 3, 3)), ('body', 'weights.w', (7,)), ('é', 'x', ()))
    for label, name, shape in cases:
        np.testing.assert_array_equal(unit_noise(label, name, shape), script.unit(label, name, shape))
        count = int(np.prod(shape))
        np.testing.assert_array_equal(uniform(label, name, count), script.uniform01(label, name, count))


def test_noise_has_no_mean_and_unit_variance() -> None:
    noise = unit_noise('A', 'any', (200, 500))
    assert abs(noise.mean()) < 0.01 and noise.std() == pytest.approx(1, abs=0.01) and np.abs(noise).max() < 3**0.5
    values = uniform('A', 'any', 1000)
    assert 0 <= values.min() < 0.01 and 0.99 < values.max() < 1


def test_label_and_name_both_count() -> None:
    draws = {tuple(uniform(label, name, 4)) for label in ('A', 'B') for name in ('x', 'y')}
    assert len(draws) == 4
    np.testing.assert_array_equal(uniform('A', 'x', 9)[:4], uniform('A', 'x', 4))
