"""Jumps that no person makes."""

import numpy as np
import pytest

from poco_ros.temporal.config import IdentityConfig
from poco_ros.temporal.identity import may_be_suspect, suspect


@pytest.mark.parametrize(('jump', 'turn_deg', 'sigma', 'betas', 'wanted'), [
    (0.4, 10, 0.02, 0.0, False), (0.6, 10, 0.02, 0.0, True), (0.6, 10, 0.2, 0.0, False), (0.0, 70, 0.02, 0.0, True),
    (0.3, 10, 0.02, 2.0, True), (0.0, 40, 0.02, 2.0, True), (0.3, 10, 0.02, np.nan, False),
])
def test_suspicion(jump, turn_deg, sigma, betas, wanted):
    innovation = np.zeros((1, 25, 3))
    innovation[:, :24, 1], innovation[:, 24, 0] = np.radians(turn_deg), jump
    seen = np.ones((1, 24), bool)
    assert suspect(innovation, np.array([sigma]), seen, np.array([betas]), IdentityConfig())[0] == wanted
    seen[0, 0] = False
    assert not suspect(innovation, np.array([sigma]), seen, np.array([betas]), IdentityConfig())[0]


def test_who_is_ruled_out_beforehand_is_never_suspected():
    rng = np.random.default_rng(0)
    config, ruled_out = IdentityConfig(), 0
    for _ in range(300):
        innovation = rng.normal(size=(4, 25, 3)) * rng.choice([0.1, 0.25, 0.5, 1.0])
        seen = rng.random((4, 24)) < 0.8
        change = rng.choice([np.nan, 0.0, 3.0], size=4)
        if not may_be_suspect(innovation, config):
            ruled_out += 1
            assert not suspect(innovation, np.full(4, 0.01), seen, change, config).any()
    assert 20 < ruled_out < 280
