"""Whole networks: the released ones entry by entry and tap by tap against the goldens, and every other variant."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from network_models import TINY, official_model, with_mock_weights

from poco_ros.crops import normalise
from poco_ros.errors import ConfigError
from poco_ros.evaluation.parity.taps import TAPS, Taps
from poco_ros.networks.model import PocoModel
from poco_ros.networks.rotations import axis_angle_to_matrix
from poco_ros.networks.uncertainty import body_uncertainty
from poco_ros.networks.variants import FORMULATIONS, OFFICIAL, REGRESSORS, SCALAR_RULES

TOLERANCE = 1e-4  # SPEC 15.4, of the array's largest value
ROTATION_TOLERANCE = 2e-4
PARAMETERS = {  # SPEC section 1, less the body model's 82; and without the flow
    'poco_cliff': (82_644_035 - 82, 77_469_864 + 3_472_541 + 499_848),
    'poco_pare': (36_589_076 - 82, 31_409_752 + 1_451_750 + 1_696_280),
    'poco_hmr': (29_656_499 - 82, 23_508_032 + 3_469_469 + 1_171_992),
}


@dataclasses.dataclass
class Case:
    name: str
    model: PocoModel
    golden: dict
    taps: dict
    prediction: object


@pytest.fixture(scope='module', params=list(OFFICIAL))
def case(request, shared_dir):
    name = request.param
    golden = dict(np.load(shared_dir / 'spec' / 'golden' / f'{name}.npz'))
    model = official_model(name)
    bbox_info = torch.from_numpy(golden['bbox_info']) if name == 'poco_cliff' else None
    with torch.no_grad(), Taps(model.backbone, TAPS[OFFICIAL[name].regressor]) as taps:
        prediction = model(torch.from_numpy(normalise(golden['img_u8_rgb'])), bbox_info)
    return Case(name, model, golden, taps.samples, prediction)


def assert_golden(ours, expected, tolerance=TOLERANCE):
    ours = np.asarray(ours)
    assert ours.shape == expected.shape
    assert abs(ours - expected).max() <= tolerance * abs(expected).max()


@pytest.mark.shared
def test_entries_are_those_of_the_released_checkpoints(case, shared_dir):
    listed = json.loads((shared_dir / 'spec' / f'state_dict_{case.name}.json').read_text())['entries']
    expected = [(name, tuple(shape), dtype) for name, shape, dtype in listed if not name.startswith('smpl.')]
    entries = case.model.state_dict().items()
    assert [(name, tuple(x.shape), str(x.dtype).removeprefix('torch.')) for name, x in entries] == expected
    parameters = sum(p.numel() for p in case.model.parameters())
    assert (parameters, sum(p.numel() for p in case.model.inference_parameters())) == PARAMETERS[case.name]


@pytest.mark.shared
def test_golden_taps_of_the_backbone(case):
    names = [name for name in case.golden if name.startswith('tap_')]
    assert len(names) >= 5
    for name in names:
        assert_golden(case.taps[name.removeprefix('tap_')], case.golden[name])


@pytest.mark.shared
def test_golden_predictions(case):
    found, golden = case.prediction, case.golden
    for ours, name in (
        (found.features, 'uncert_feat'), (found.pose_6d, 'pred_pose_6d'), (found.betas, 'pred_shape'),
        (found.cam, 'pred_cam'), (found.sigma, 'sigma'), (case.model.flow_head.flow.mask, 'flow_mask'),
    ):  # fmt: skip
        assert_golden(ours, golden[name])
    assert_golden(found.rotmat, golden['pred_rotmat'], ROTATION_TOLERANCE)
    if found.steps is None:
        assert_golden(found.part_logits[:, :, ::14, ::14], golden['pred_segm_mask_sample'])
    else:
        for kind, name in (('pose', 'decpose'), ('shape', 'decshape'), ('cam', 'deccam')):
            assert_golden(getattr(found.steps, kind), golden[f'ief_delta_{name}'])


@pytest.mark.shared
@torch.no_grad()
def test_golden_flow(case):
    golden, found = case.golden, case.prediction
    assert_golden(case.model.flow_head.context(found.features), golden['cond_vector'])
    known = torch.from_numpy(golden['has_smpl']) > 0
    truth = axis_angle_to_matrix(torch.from_numpy(golden['gt_pose_aa']).unflatten(1, (24, 3)))
    error = (found.rotmat - truth).abs() / (found.sigma[..., None, None] + 1e-9)
    log_phi = case.model.log_phi(found.features[known], error[known])
    assert_golden(log_phi, golden['log_phi'], ROTATION_TOLERANCE)
    assert_golden(case.model.log_phi(found.features[known], error[known].flatten(2)), golden['log_phi'], 2e-4)


@pytest.fixture(scope='module')
def tiny():
    return with_mock_weights(PocoModel(TINY))


@pytest.fixture(scope='module')
def crops():
    return torch.randn(3, 3, 224, 224, generator=torch.Generator().manual_seed(0)), torch.randn(3, 3)


@torch.no_grad()
def test_people_do_not_influence_each_other_whatever_their_number(tiny, crops):
    images, bbox_info = crops
    together = tiny(images, bbox_info)
    for count in (1, 2):
        apart = tiny(images[:count], bbox_info[:count])
        for field in ('features', 'rotmat', 'betas', 'cam', 'sigma'):
            torch.testing.assert_close(getattr(apart, field), getattr(together, field)[:count], rtol=1e-4, atol=1e-5)
    assert tiny(images[:0], bbox_info[:0]).sigma.shape == (0, 24)


@torch.no_grad()
def test_true_poses_take_the_place_of_the_predicted_ones_before_the_scale_network_alone(tiny, crops):
    encoding = tiny.encode(crops[0])
    plain = tiny.decode(encoding, crops[1])
    poses = torch.full((3, 24, 3, 3), torch.nan)
    poses[1] = torch.eye(3)
    poses[2] = torch.eye(3)
    poses[2, 5] = torch.nan  # not wholly known: not used
    given = tiny.decode(encoding, crops[1], poses)
    torch.testing.assert_close(given.rotmat, plain.rotmat, rtol=0, atol=0)
    torch.testing.assert_close(given.sigma[[0, 2]], plain.sigma[[0, 2]], rtol=0, atol=0)
    expected = tiny.uncert_head(encoding.features, torch.eye(3).expand(3, 24, 3, 3))
    torch.testing.assert_close(given.sigma[1], expected[1])
    assert not torch.allclose(given.sigma[1], plain.sigma[1])


@pytest.mark.parametrize('regressor', REGRESSORS)
def test_every_formulation_runs_and_trains_with_every_regressor(regressor, crops):
    images, bbox_info = crops[0][:2], crops[1][:2] if regressor == 'cliff' else None
    for formulation in FORMULATIONS:
        variant = dataclasses.replace(TINY, regressor=regressor, formulation=formulation)
        model = with_mock_weights(PocoModel(variant))
        parts = {name.split('.')[0] for name in model.state_dict()}
        assert ('uncert_head' in parts, 'flow_head' in parts) == (variant.has_uncertainty, variant.has_flow)
        found = model(images, bbox_info)
        assert (found.sigma is not None) == variant.has_uncertainty
        total = found.cam.square().sum()
        if variant.has_uncertainty:
            total = total + found.sigma.sum()
        if variant.has_flow:
            total = total - model.log_phi(found.features, found.rotmat / found.sigma[..., None, None]).sum()
        total.backward()
        untouched = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
        used = {'backbone.conv1.weight', 'head.deccam.weight' if regressor != 'pare' else 'head.cam_mlp.weight'}
        used |= {'uncert_head.uncert_fc1.weight'} if variant.has_uncertainty else set()
        used |= {'flow_head.flow.s.0.0.weight', 'flow_head.flow.t.1.0.weight'} if variant.has_flow else set()
        used |= {'flow_head.cond_layer.weight'} if variant.flow_sees else set()
        assert not used & untouched


@pytest.mark.parametrize('regressor', REGRESSORS)
def test_a_network_is_one_graph_for_any_number_of_people(regressor, crops):
    """torch.export refuses control flow that depends on data, and fixes a size that is not free."""
    model = with_mock_weights(PocoModel(dataclasses.replace(TINY, regressor=regressor)))
    inputs = crops if regressor == 'cliff' else crops[:1]
    graph = torch.export.export(Reported(model), inputs, dynamic_shapes=[{0: torch.export.Dim.DYNAMIC}] * len(inputs))
    for count in (1, 5):
        batch = [x[torch.arange(count) % 3] for x in inputs]
        expected = Reported(model)(*batch)
        for name, found in graph.module()(*batch).items():
            torch.testing.assert_close(found, expected[name], rtol=1e-4, atol=1e-5)


class Reported(torch.nn.Module):
    """What a graph is made of: the prediction and its scalars."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images, bbox_info=None):
        with torch.no_grad():
            found = self.model(images, bbox_info)
            scalars = {rule: body_uncertainty(found.sigma, rule) for rule in SCALAR_RULES}
            return {'rotmat': found.rotmat, 'betas': found.betas, 'cam': found.cam, 'sigma': found.sigma} | scalars


def test_weights_can_be_given_to_a_network_that_was_built_without_memory(tiny, crops):
    with torch.device('meta'):
        empty = PocoModel(TINY)
    empty.load_state_dict(tiny.state_dict(), assign=True)
    with torch.no_grad():
        torch.testing.assert_close(empty.eval()(*crops).sigma, tiny(*crops).sigma, rtol=0, atol=0)


def test_nine_sigmas_per_joint(crops):
    model = with_mock_weights(PocoModel(dataclasses.replace(TINY, sigma_size=9)))
    with torch.no_grad():
        assert model(*crops).sigma.shape == (3, 24, 3, 3)


def test_box_information_is_demanded_or_refused_by_name(tiny, crops):
    with pytest.raises(ConfigError, match="'tiny'.*needs bbox_info"):
        tiny(crops[0])
    hmr = PocoModel(dataclasses.replace(TINY, regressor='hmr', name='h'))
    with pytest.raises(ConfigError, match="'h'.*takes no bbox_info"):
        hmr(*crops)


def test_a_network_without_a_flow_says_so():
    model = PocoModel(dataclasses.replace(TINY, formulation='gauss'))
    with pytest.raises(ConfigError, match='no flow'):
        model.log_phi(torch.zeros(1, 256), torch.zeros(1, 24, 9))
