"""The process model: closed forms, a discrete reference, and the smoother against a textbook implementation."""

import numpy as np

from poco_ros.temporal.motion import predicted, transition, updated


def matrices(step):
    return np.array([[1, step.reach], [0, step.decay]], float), step.noise


def test_steps_compose_whatever_the_frame_rate():
    decay, noise = np.array(0.7), np.array(0.05)
    whole_f, whole_q = matrices(transition(decay, noise, 1.0))
    f, q = np.eye(2), np.zeros((2, 2))
    for part in (0.5, 0.3, 0.2):
        pf, pq = matrices(transition(decay, noise, part))
        f, q = pf @ f, pf @ q @ pf.T + pq
    np.testing.assert_allclose(f, whole_f, atol=1e-12)
    np.testing.assert_allclose(q, whole_q, atol=1e-12)
    assert np.isclose(whole_f[0, 1], 1) and np.isclose(whole_q[1, 1], 0.05 ** 2)


def test_noise_is_what_simulation_of_the_process_gives():
    decay, noise, parts = 0.6, 0.1, 2000
    k = -np.log(decay)
    gain, sigma = k / (1 - decay), noise * np.sqrt(2 * k / (1 - decay ** 2))
    rng = np.random.default_rng(1)
    rate, place = np.zeros(4000), np.zeros(4000)
    for _ in range(parts):
        place += gain * rate / parts
        rate += -k * rate / parts + sigma * rng.normal(size=4000) / np.sqrt(parts)
    _, q = matrices(transition(np.array(decay), np.array(noise), 1.0))
    np.testing.assert_allclose(np.cov(place, rate), q, rtol=0.08)


def test_covariances_agree_with_matrix_algebra():
    step = transition(np.array([[0.7]]), np.array([[0.05]]), 1.3)
    f, q = np.array([[1, step.reach.item()], [0, step.decay.item()]]), step.noise[..., 0, 0]
    p = np.array([[0.02, 0.003], [0.003, 0.004]])
    after, gain = predicted(p[:, :, None, None], step)
    expected = f @ p @ f.T + q
    np.testing.assert_allclose(after[..., 0, 0], expected)
    np.testing.assert_allclose(gain[..., 0, 0], p @ f.T @ np.linalg.inv(expected))
    k = after[:, 0] / (after[0, 0] + 0.01)
    np.testing.assert_allclose(updated(after, k)[..., 0, 0], expected - np.outer(k, expected[0]))
