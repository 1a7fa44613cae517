"""What ships with a calibration: it is used, it is of this very regressor, and it holds."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from shipped_people import bodies_of, errors_mm, kept

from poco_ros.body.model_file import load_body_model
from poco_ros.calibration.calibrator import Calibrator
from poco_ros.calibration.choose import choose_calibrator
from poco_ros.calibration.file import CALIBRATION_FILE, read_calibration
from poco_ros.calibration.model import MadeFor
from poco_ros.engine.options import EngineOptions
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.regressors import calibration_folder, choose_regressor, make_regressor
from poco_ros.regressors.base import Regressor
from poco_ros.types import Bodies, Domain

LEVELS = (0.5, 0.9, 0.95)
shipped = pytest.mark.parametrize('name', ['lift', 'poco_lift'])


@functools.cache
def regressor(name: str) -> Regressor:
    return make_regressor(name, load_body_model(), EngineOptions(engine='openvino', precision='fp32', threads=1))


@functools.cache
def bodies(name: str, coverage: float) -> Bodies:
    return bodies_of(regressor(name), calibrator(name, coverage))


def calibrator(name: str, coverage: float) -> Calibrator:
    made_for = MadeFor.of(regressor(name).info, load_body_model())
    found, refused = choose_calibrator('auto', coverage, calibration_folder(choose_regressor(name)), made_for)
    assert found is not None and not refused
    return found


@shipped
def test_the_regressor_is_the_one_that_was_calibrated(name: str) -> None:
    """Whoever changes what it says counts up its version, or trains it anew, and calibrates it anew."""
    now = bodies(name, 0.9)
    assert np.abs(now.joints - kept()[f'{name}_joints']).max() < 2e-3
    assert np.abs(now.joint_uncertainty - kept()[f'{name}_uncertainty']).max() < 1e-3


@shipped
@pytest.mark.parametrize('level', LEVELS)
def test_the_truth_lies_within_the_radii_as_often_as_promised(name: str, level: float) -> None:
    said = bodies(name, level)
    error = errors_mm(said)
    within = (error <= said.joint_radius_mm)[:, 1:]
    # each joint of 60 people by itself: a share that is L in truth falls under this once in 2000
    spread = 3.3 * np.sqrt(level * (1 - level) / len(within))
    assert within.mean() >= level and within.mean(axis=0).min() >= level - spread
    assert (error.max(axis=1) <= said.body_radius_mm).mean() >= level - spread
    away = 1e3 * np.linalg.norm(said.joints[:, 0] - kept()['true_joints'][:, 0], axis=-1)
    assert (away <= said.transl_radius_mm).mean() >= level - spread


def test_torch_takes_the_weights_out_of_the_graph_and_the_millimetres_hold_for_it_too() -> None:
    pytest.importorskip('onnx')
    torch_lift = make_regressor('poco_lift', load_body_model(), EngineOptions(engine='torch', threads=1))
    found, refused = choose_calibrator('auto', 0.9, calibration_folder(choose_regressor('poco_lift')),
                                       MadeFor.of(torch_lift.info, load_body_model()))
    assert found is not None and not refused
    theirs, ours = bodies_of(torch_lift, found), bodies('poco_lift', 0.9)
    assert np.abs(theirs.joints - ours.joints).max() < 1e-3
    np.testing.assert_allclose(theirs.joint_radius_mm, ours.joint_radius_mm, rtol=1e-2, atol=0.1)


@shipped
def test_who_is_said_to_be_farther_off_is(name: str) -> None:
    said = bodies(name, 0.9)
    error = errors_mm(said).mean(axis=1)
    order = np.argsort(said.confidence)
    third = len(order) // 3
    assert error[order[:third]].mean() > 1.4 * error[order[-third:]].mean()
    assert (said.in_domain == Domain.IN).mean() > 0.9


@shipped
def test_the_node_takes_it_by_itself_and_only_for_the_body_it_was_made_with(name: str) -> None:
    folder = calibration_folder(choose_regressor(name))
    stored = read_calibration(folder / CALIBRATION_FILE)
    pipeline = Pipeline.load(PipelineConfig(model=name))
    assert pipeline.calibrator is not None and not pipeline.warnings
    assert pipeline.calibrator.calibration.calibration_id == stored.calibration_id
    assert set(LEVELS) <= set(stored.levels) and stored.data.num_radius_sequences > 400
    assert Pipeline.load(PipelineConfig(model=name, calibration='none')).calibrator is None
    other = dataclasses.replace(load_body_model(), name='SMPL_NEUTRAL', sha256='0' * 64)
    found, refused = choose_calibrator('auto', 0.9, folder, MadeFor.of(regressor(name).info, other))
    assert found is None and 'uncalibrated' in refused and 'SMPL_NEUTRAL' in refused
