"""The network that ships: it is what its card says, small, of the open body, and better than what it replaces."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from shipped_people import bodies_of, errors_mm, kept

from poco_ros.body.model_file import load_body_model
from poco_ros.calibration.choose import choose_calibrator
from poco_ros.calibration.model import MadeFor
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.options import EngineOptions
from poco_ros.networks.variants import POCO_LIFT
from poco_ros.regressors import calibration_folder, choose_regressor, make_regressor
from poco_ros.regressors.poco_lift.shipped import find_shipped_lift
from poco_ros.whole_files import sha256_of

MOST_BYTES = 20e6


@pytest.fixture(scope='module')
def record() -> ModelRecord:
    return ModelRecord.load(find_shipped_lift())


def test_it_is_one_small_graph_of_the_open_body(record: ModelRecord) -> None:
    folder = find_shipped_lift()
    graphs = list(folder.glob('*.onnx'))
    assert [sha256_of(path) for path in graphs] == [graph.sha256 for graph in record.graphs.values()]
    assert sum(path.stat().st_size for path in graphs) < MOST_BYTES
    assert record.body_model_sha256 == load_body_model().sha256
    assert dataclasses.replace(record.variant, name=POCO_LIFT.name) == POCO_LIFT and not record.mock


def test_it_says_what_it_was_trained_on_and_under_which_licence(record: ModelRecord) -> None:
    training = record.provenance['training']
    assert record.name == 'poco_lift' and record.licence.startswith('Apache-2.0') and 'CC0' in record.licence
    assert (training['data'], training['start']) == ('rendered-train', 'poco_lift')
    assert len(training['mocap_sha256']) == len(training['start_sha256']) == 64
    for path in find_shipped_lift().glob('*.json'):
        assert '/root/' not in path.read_text() and '/home/' not in path.read_text()


def test_it_errs_less_than_the_analytic_lift() -> None:
    """On people whom neither has seen; each counts for both."""
    body, means = load_body_model(), {}
    for name in ('lift', 'poco_lift'):
        regressor = make_regressor(name, body, EngineOptions(engine='openvino', precision='fp32', threads=1))
        folder = calibration_folder(choose_regressor(name))
        calibrator, _ = choose_calibrator('auto', 0.9, folder, MadeFor.of(regressor.info, body))
        assert calibrator is not None
        means[name] = errors_mm(bodies_of(regressor, calibrator)).mean(axis=1)
    gain = means['lift'] - means['poco_lift']
    assert len(gain) == len(kept()['true_joints'])
    # the mean gain is more than two of its standard errors
    assert gain.mean() > 2 * gain.std() / np.sqrt(len(gain))
