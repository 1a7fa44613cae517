"""The gated step: what it is before training, what it never does, and that the exported graph is the same function."""

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('onnx')

from poco_ros.engine.openvino_engine import OpenVinoEngine  # noqa: E402
from poco_ros.evaluation.infill.gated_step import GatedStep, to_onnx  # noqa: E402
from poco_ros.export.onnx_file import write_onnx  # noqa: E402


def some(count=40, means=2, seed=0):
    rng = np.random.default_rng(seed)
    state = (0.05 * rng.normal(size=(count, (1 + means) * 69))).astype(np.float32)
    pose = rng.uniform(-1, 1, size=(count, 126)).astype(np.float32)
    return state, pose


def trained(means=2, seed=0):
    """A step with weights that are anything but zero."""
    torch.manual_seed(seed)
    state, pose = some(means=means)
    start = (0.02 * np.random.default_rng(seed).normal(size=(state.shape[1], 69))).astype(np.float32)
    torch.manual_seed(seed)
    network = GatedStep(start, state, pose, 8)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    return network.eval()


def test_it_begins_as_the_linear_step():
    state, pose = some()
    start = np.random.default_rng(1).normal(size=(state.shape[1], 69)).astype(np.float32)
    with torch.no_grad():
        rate = GatedStep(start, state, pose, 8)(torch.from_numpy(state), torch.from_numpy(pose))
    np.testing.assert_allclose(rate.numpy(), state @ start, atol=1e-5)


def test_nothing_comes_from_nothing_and_little_from_little():
    """Whatever the weights: exactly zero from zero, and no more than in proportion however small the state."""
    network, (state, pose) = trained(), some(seed=2)
    state, pose = torch.from_numpy(state), torch.from_numpy(pose)
    with torch.no_grad():
        assert not network(torch.zeros_like(state), pose).any()
        gain = [float((network(size * state, pose).norm(dim=1) / (size * state).norm(dim=1)).max())
                for size in (1e-4, 1e-2, 1.0, 100.0)]
    assert max(gain) < 5 * gain[0]


def test_it_learns_what_depends_on_the_pose():
    """Rates that go on where a joint is bent one way, and stop where it is bent the other way: no linear step can."""
    state, pose = some(200)
    network = GatedStep(np.zeros((state.shape[1], 69), np.float32), state, pose, 8)
    wanted = torch.from_numpy(np.where(pose[:, :1] > 0, state[:, :1], 0))
    state, pose = torch.from_numpy(state), torch.from_numpy(pose)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(150):
        optimiser.zero_grad()
        error = ((network(state, pose)[:, :1] - wanted) ** 2).mean() / (wanted ** 2).mean()
        error.backward()
        optimiser.step()
    assert float(error.detach()) < 0.1


def test_the_position_of_the_pelvis_keeps_the_linear_step():
    network, (state, pose) = trained(), some(seed=3)
    with torch.no_grad():
        rate = network(torch.from_numpy(state), torch.from_numpy(pose)).numpy()
    linear = (state * network._inverse_spread.numpy()) @ network._start.numpy()
    np.testing.assert_allclose(rate[:, 66:], linear[:, 66:], atol=1e-6)
    assert np.abs(rate[:, :66] - linear[:, :66]).max() > 0.01


def test_the_graph_computes_what_torch_does_for_any_number_of_people(tmp_path):
    network, path = trained(), tmp_path / 'step.onnx'
    write_onnx(to_onnx(network), path)
    engine = OpenVinoEngine(path)
    for count in (1, 3, 40):
        state, pose = some(count, seed=count)
        with torch.no_grad():
            expected = network(torch.from_numpy(state), torch.from_numpy(pose)).numpy()
        np.testing.assert_allclose(engine({'state': state, 'pose': pose})['rate'], expected, atol=2e-6)
