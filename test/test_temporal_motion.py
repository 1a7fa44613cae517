"""The process model: closed forms, a discrete reference, and the smoother against a textbook implementation."""

import numpy as np

from poco_ros.temporal.motion import Covariance, transition


def matrices(step):
    f = np.array([[1, step.reach], [0, step.decay]], float)
    q = np.array([[step.q00, step.q01], [step.q01, step.q11]], float)
    return f, q


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
    step = transition(np.array(0.7), np.array(0.05), 1.3)
    f, q = matrices(step)
    p = np.array([[0.02, 0.003], [0.003, 0.004]])
    cov = Covariance(*(np.array(x) for x in (p[0, 0], p[0, 1], p[1, 1])))
    predicted = cov.predicted(step)
    pm = f @ p @ f.T + q
    np.testing.assert_allclose([predicted.p00, predicted.p01, predicted.p11], pm[[0, 0, 1], [0, 1, 1]])
    gains = np.reshape(cov.smoother_gain(step, predicted), (2, 2))
    np.testing.assert_allclose(gains, p @ f.T @ np.linalg.inv(pm))
    k = pm[:, 0] / (pm[0, 0] + 0.01)
    updated = predicted.updated(k[0], k[1])
    np.testing.assert_allclose([updated.p00, updated.p01, updated.p11], (pm - np.outer(k, pm[0]))[[0, 0, 1], [0, 1, 1]])
