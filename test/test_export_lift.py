"""A lift exported: the graph, its record, its checks, and the engines that run it against torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from lift_networks import TINY_LIFT, export_lift, exported_lift, lift_model, store_lift
from typer.testing import CliRunner

from poco_ros.body.model_file import load_body_model
from poco_ros.engine.choose import load_engine
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.options import EngineOptions
from poco_ros.errors import ConfigError, EngineError, ExportError
from poco_ros.export.network import export_network
from poco_ros.export.observations import synthetic_observations
from poco_ros.export.pictures import synthetic_crops
from poco_ros.networks.model import PocoModel
from poco_ros.networks.uncertainty import body_uncertainty
from poco_ros.networks.variants import POCO_LIFT, Variant
from poco_ros.regressors.poco_lift.observation import D


def test_the_record_says_what_the_network_sees() -> None:
    folder, record = exported_lift()
    assert ModelRecord.load(folder) == record and record.is_lift
    assert [(spec.name, spec.shape, spec.dtype) for spec in record.inputs] == [
        ('observation', (-1, D), 'float32'), ('bbox_info', (-1, 3), 'float32')]
    assert [spec.name for spec in record.outputs] == [
        'rotmat', 'betas', 'cam', 'joints', 'sigma', 'uncertainty', 'features']
    plain = json.loads((folder / 'model.json').read_text())
    assert (plain['crop_size'], plain['box_padding'], plain['focal_rule']) == (None, None, 'camera')
    assert list(record.graphs) == ['fp32'] and record.checks['pictures'] == 'made-up observations'
    assert 0 < record.checks['fp32']['persons']['16']['joints_mm'] < 0.05


@pytest.mark.parametrize('engine', ['openvino', 'torch'])
def test_engines_give_what_torch_gives(engine: str) -> None:
    folder, _ = exported_lift()
    body, model = load_body_model(), lift_model()
    feeds = synthetic_observations(model, 7)
    found = load_engine(folder, EngineOptions(engine=engine, precision='fp32', threads=1))(feeds)
    with torch.inference_mode():
        expected = model(*map(torch.from_numpy, feeds.values()))
    for name in ('rotmat', 'betas', 'cam', 'sigma', 'features'):
        np.testing.assert_allclose(found[name], getattr(expected, name), atol=2e-5, err_msg=name)
    np.testing.assert_allclose(found['joints'], body.joints(expected.rotmat, expected.betas), atol=1e-5)
    np.testing.assert_allclose(
        found['uncertainty'], body_uncertainty(expected.sigma, TINY_LIFT.scalar_rule), atol=1e-5)


def test_the_one_that_ships_is_small(tmp_path: Path) -> None:
    record = export_lift(tmp_path / 'full', POCO_LIFT)
    assert record.graph_path(tmp_path / 'full').stat().st_size < 10e6


def test_only_fp32_and_no_pictures(tmp_path: Path) -> None:
    folder, body = store_lift(tmp_path / 'lift'), load_body_model()
    for arguments in ({'precisions': ('fp32', 'bf16')}, {'calibration_images': synthetic_crops(9)}):
        with pytest.raises(ConfigError, match='tiny_lift is a lift: it is exported in fp32 alone'):
            export_network(folder, body=body, **arguments)
    assert not (folder / 'model.json').exists()


def test_the_command_exports_a_folder(tmp_path: Path) -> None:
    from poco_ros.cli.main import app

    done = CliRunner().invoke(app, ['export', str(store_lift(tmp_path / 'my_lift'))])
    assert done.exit_code == 0, done.output
    assert ModelRecord.load(tmp_path / 'my_lift', 'fp32').is_lift
    assert 'made-up observations' in ' '.join(done.output.split())


def test_a_record_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    export_lift(tmp_path / 'lift')
    path = tmp_path / 'lift' / 'model.json'
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, 'crop_size': 'none'}))
    with pytest.raises(EngineError, match="crop_size is 'none'"):
        ModelRecord.load(tmp_path / 'lift')


def test_made_up_observations_follow_the_networks_own_statistics() -> None:
    model = lift_model()
    found = synthetic_observations(model, 400)
    np.testing.assert_array_equal(found['observation'][:3], synthetic_observations(model, 400)['observation'][:3])
    np.testing.assert_allclose(found['observation'].std(0), model.backbone.std, rtol=0.2)
    assert np.abs(found['observation'].mean(0) - model.backbone.mean.numpy()).max() < 0.4
    with pytest.raises(ExportError, match='not at landmarks'):
        synthetic_observations(PocoModel(Variant('x', 'hmr', 'test_resnet')), 2)
