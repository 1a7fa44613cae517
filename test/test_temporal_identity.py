"""Jumps that no person makes."""

import numpy as np
import pytest

from poco_ros.temporal.config import IdentityConfig
from poco_ros.temporal.identity import suspect


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
