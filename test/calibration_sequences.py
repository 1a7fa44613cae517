"""Made-up sequences of persons whose errors follow their uncertainty, with a bias that stays through each sequence."""

from __future__ import annotations

import numpy as np

from poco_ros.body.model_file import load_body_model
from poco_ros.calibration.error_network import NUM_CLUES, ErrorNetwork
from poco_ros.calibration.fit import Source
from poco_ros.calibration.model import MadeFor
from poco_ros.calibration.outcomes import Outcomes

MADE_FOR = MadeFor('poco_lift', '1', 'a' * 64, 'b' * 64, 'open_body', 'c' * 64)
SOURCE = Source(MADE_FOR, 'made-up', 'd' * 64, 'calibration', '2026-11-22')
NUM_FEATURES = 12

#: Numbers of knots of 25 x 4 curves, from a single one to as many as there may be.
COLUMN_CASES = [[1 + (c + g) % 9 for g in range(4)] for c in range(25)]


def arrays(rng, sequences, frames=8, *, first=0, alike=0.5, known_seen=True, shift=0.0):
    """Return the arguments of ``Outcomes.of_arrays``.

    :param alike: standard deviation of the logarithm of what all errors of a sequence are multiplied by.
    :param shift: added to features, and to the logarithm of the errors.
    """
    n = sequences * frames
    rest = load_body_model().rest_joints()[0].astype(float)
    distance = rng.uniform(2, 6, sequences).repeat(frames)
    joints = rest - rest[0] + rng.normal(0, 0.02, (n, 24, 3))
    joints[..., 2] += distance[:, None]
    sigma = rng.uniform(0.02, 0.6, (n, 24)) * rng.uniform(0.2, 1.8, (n, 1))
    seen = np.where(rng.random((n, 24)) < 0.7, 0.9, rng.uniform(0, 1, (n, 24)))
    level = np.exp(alike * rng.normal(size=sequences) + shift).repeat(frames)
    typical = np.sqrt((sigma ** 2).cumsum(axis=1)) * 40 * (1.6 - seen) + 5
    error = level[:, None] * typical * np.exp(0.4 * rng.normal(size=(n, 24)))
    error[:, 0] = 0
    position = level * distance * 30 * np.abs(rng.normal(1, 0.5, n))
    features = rng.normal(size=(n, NUM_FEATURES)) @ np.diag(np.linspace(3, 0.1, NUM_FEATURES)) + 5 + shift
    return {
        'joints_m': joints, 'sigma': sigma, 'seen': seen if known_seen else np.full((n, 24), np.nan),
        'joint_error_mm': error, 'position_error_mm': position, 'features': features,
        'sequence': first + np.arange(sequences).repeat(frames), 'subject': (np.arange(sequences) % 7).repeat(frames),
    }


def outcomes(rng, sequences, frames=8, **options):
    return Outcomes.of_arrays(**arrays(rng, sequences, frames, **options))


def error_network(rng, hidden=16):
    """Return a network with random weights, standardised for persons as :func:`arrays` makes them."""
    clues = outcomes(rng, 20).clues
    spread = clues.std(axis=0)
    return ErrorNetwork(
        clues.mean(axis=0), np.where(spread > 1e-3, spread, 1), rng.normal(0, 0.1, (NUM_CLUES, hidden)),
        rng.normal(0, 0.3, hidden), rng.normal(0, 0.1, (hidden, 25)), np.full(25, np.log(80.0)))
