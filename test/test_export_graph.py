"""What stands round the network in the graph: against the numpy body model, the numpy crops and the rules in words."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from body_arrays import small_body
from exported_networks import TINY
from scipy.spatial.transform import Rotation

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.mock import mock_network
from poco_ros.crops import normalise
from poco_ros.export.graph import NetworkGraph, Skeleton, Skin
from poco_ros.export.pictures import feeds_for, synthetic_crops

N = 3


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


@pytest.fixture
def body_with_correctives(tmp_path: Path) -> BodyModel:
    np.savez(tmp_path / 'small.npz', **small_body())
    return load_body_model(tmp_path / 'small.npz')


def pose(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rotmat = Rotation.from_rotvec(rng.normal(0, 0.8, (N * 24, 3))).as_matrix().reshape(N, 24, 3, 3)
    return rotmat.astype(np.float32), rng.normal(0, 2, (N, 10)).astype(np.float32)


def run(graph: NetworkGraph, crops: np.ndarray) -> dict[str, np.ndarray]:
    feeds = feeds_for(graph.inputs, crops)
    with torch.inference_mode():
        tensors = graph(*(torch.from_numpy(feeds[spec.name]) for spec in graph.inputs))
    names = [*(spec.name for spec in graph.outputs), *graph.boundary]
    return {name: tensor.numpy() for name, tensor in zip(names, tensors, strict=True)}


@pytest.mark.parametrize('which', ['body', 'body_with_correctives'])
def test_joints_and_vertices_are_the_body_models(which: str, request: pytest.FixtureRequest) -> None:
    model: BodyModel = request.getfixturevalue(which)
    rotmat, betas = pose()
    tensors = torch.from_numpy(rotmat), torch.from_numpy(betas)
    joints, global_rotmat, rest = Skeleton(model)(*tensors)
    vertices = Skin(model)(*tensors, joints, global_rotmat, rest)
    np.testing.assert_allclose(rest.numpy(), model.rest_joints(betas), atol=2e-6)
    np.testing.assert_allclose(joints.numpy(), model.joints(rotmat, betas), atol=2e-6)
    np.testing.assert_allclose(vertices.numpy(), model.vertices(rotmat, betas), atol=1e-5)


def test_without_vertices_nothing_of_the_mesh_is_kept(body: BodyModel) -> None:
    assert sum(buffer.numel() for buffer in Skeleton(body).buffers()) < 2000


@pytest.mark.parametrize('name', TINY)
def test_the_graph_is_the_network_on_normalised_crops(name: str, body: BodyModel) -> None:
    model = mock_network(TINY[name])
    graph = NetworkGraph(model, body)
    crops = synthetic_crops(N)
    found = run(graph, crops)
    feeds = feeds_for(graph.inputs, crops)
    info = torch.from_numpy(feeds['bbox_info']) if 'bbox_info' in feeds else None
    with torch.inference_mode():
        expected = model(torch.from_numpy(normalise(crops)), info)
    np.testing.assert_allclose(found['rotmat'], expected.rotmat, atol=2e-4)
    np.testing.assert_allclose(found['sigma'], expected.sigma, atol=1e-5)
    np.testing.assert_allclose(found['features'], expected.features, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found['joints'].shape, (N, 24, 3))
    np.testing.assert_allclose(found['joints'], body.joints(found['rotmat'], found['betas']), atol=2e-6)


def test_shapes_and_names_are_as_stated(body: BodyModel) -> None:
    graph = NetworkGraph(mock_network(TINY['tiny_cliff']), body, vertices=True)
    assert [(spec.name, spec.dtype) for spec in graph.inputs] == [('crops', 'uint8'), ('bbox_info', 'float32')]
    found = run(graph, synthetic_crops(N))
    for spec in graph.outputs:
        assert found[spec.name].shape == (N, *spec.shape[1:])
        assert found[spec.name].dtype == np.dtype(spec.dtype)
    assert found['vertices'].shape == (N, body.num_vertices, 3)


def test_a_network_without_uncertainty_gives_none(body: BodyModel) -> None:
    variant = dataclasses.replace(TINY['tiny_hmr'], formulation='none')
    graph = NetworkGraph(mock_network(variant), body)
    assert [spec.name for spec in graph.outputs] == ['rotmat', 'betas', 'cam', 'joints']
    assert [spec.name for spec in graph.inputs] == ['crops']


def test_nine_numbers_a_joint_become_their_mean(body: BodyModel) -> None:
    model = mock_network(dataclasses.replace(TINY['tiny_cliff'], sigma_size=9))
    graph = NetworkGraph(model, body)
    crops = synthetic_crops(N)
    info = torch.from_numpy(feeds_for(graph.inputs, crops)['bbox_info'])
    with torch.inference_mode():
        sigma = model(torch.from_numpy(normalise(crops)), info).sigma.numpy()
    assert sigma.shape == (N, 24, 3, 3)
    np.testing.assert_allclose(run(graph, crops)['sigma'], sigma.mean((2, 3)), atol=1e-5)


@pytest.mark.parametrize(('root', 'scalar'), [(0.3, 0.3), (0.79, 0.79), (0.81, 1.0)])
def test_the_scalar_follows_the_rule_of_the_variant(root: float, scalar: float, body: BodyModel) -> None:
    model = mock_network(TINY['tiny_cliff'])
    with torch.no_grad():  # a scale network that gives the pelvis this sigma whatever it sees
        model.uncert_head.uncert_fc1.weight[0] = 0
        model.uncert_head.uncert_fc1.bias[0] = np.log(root / (1 - root))
    np.testing.assert_allclose(run(NetworkGraph(model, body), synthetic_crops(N))['uncertainty'], scalar, rtol=1e-5)


def test_exporting_or_not_the_graph_stays_in_evaluation_mode(body: BodyModel) -> None:
    model = mock_network(TINY['tiny_cliff']).train()
    assert not any(module.training for module in NetworkGraph(model, body).modules())
