"""The fit of the whole-body step: its gradient, and that it finds a motion that is linear."""

import numpy as np

from poco_ros.evaluation.infill.dynamics_fit import Examples, blank, fit, loss_and_gradient

FORGETTING = np.array([3.0, 9.0])


def test_the_gradient_is_that_of_the_loss():
    rng = np.random.default_rng(0)
    examples = Examples(0.1 * rng.normal(size=(4, 3, 69)).astype('f8'), 0.1 * rng.normal(size=(4, 30, 69)).astype('f8'))
    matrix = blank(FORGETTING).matrix + 0.01 * rng.normal(size=(207, 69))
    direction = rng.normal(size=matrix.shape)
    _, gradient = loss_and_gradient(matrix, examples, FORGETTING)
    step = 1e-5
    ends = [loss_and_gradient(matrix + s * step * direction, examples, FORGETTING)[0] for s in (1, -1)]
    np.testing.assert_allclose((ends[0] - ends[1]) / (2 * step), (gradient * direction).sum(), rtol=1e-3)


def test_a_swing_that_dies_away_is_found():
    """Joints pulled back to their mean: nothing that dying rates can say."""
    rng = np.random.default_rng(1)
    state = np.zeros((200, 3, 69), np.float32)
    state[:, 0] = 0.05 * rng.normal(size=(200, 69))
    state[:, 1:] = 0.1 * rng.normal(size=(200, 1, 69))
    rate, past, place, target = state[:, 0], state[:, 1:], np.zeros((200, 69)), []
    for _ in range(30):
        rate = 0.7 * rate + 0.05 * past[:, 1]
        past = (1 - 1 / FORGETTING)[None, :, None] * (past - rate[:, None])
        place = place + rate
        target.append(place)
    examples = Examples(state, np.stack(target, 1).astype(np.float32))
    matrix = fit(examples, FORGETTING, iterations=80, batch=80, rate=0.05, shrink=0.0)
    start = loss_and_gradient(blank(FORGETTING).matrix.astype('f4'), examples, FORGETTING.astype('f4'))[0]
    end = loss_and_gradient(matrix.astype('f4'), examples, FORGETTING.astype('f4'))[0]
    assert end < 0.1 * start
