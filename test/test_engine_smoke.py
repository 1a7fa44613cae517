"""An engine that does not compute what was exported is found out at its first run."""

from __future__ import annotations

import numpy as np
import pytest
from engine_networks import make_network

from poco_ros.engine.openvino_network import OpenVinoNetwork
from poco_ros.engine.smoke import check_engine, check_outputs
from poco_ros.errors import EngineError


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp('network')
    return folder, make_network(folder, mock=False), make_network(folder, mock=True)


def outputs(network):
    return network[1].expected_values(network[0])[1]


def test_an_engine_that_does_passes(network):
    folder, record, _ = network
    check_engine(OpenVinoNetwork(folder, record), folder, record)


@pytest.mark.parametrize('value', [np.nan, np.inf])
@pytest.mark.parametrize('precision', ['fp32', 'tf32', 'fp16', 'bf16', 'int8'])
@pytest.mark.parametrize('name', ['rotmat', 'betas', 'cam', 'joints', 'sigma', 'uncertainty'])
def test_what_is_no_number_is_found_in_every_output(network, name, precision, value):
    expected = outputs(network)
    found = {key: array.copy() for key, array in expected.items()}
    found[name].reshape(-1)[3] = value
    for record in network[1:]:
        with pytest.raises(EngineError, match=f'small in {precision} does not compute what was exported.*export'):
            check_outputs(record, precision, expected, found)


@pytest.mark.parametrize(('millimetres', 'passes'), [
    (0.1, ('fp32', 'tf32', 'fp16', 'bf16', 'int8')), (1, ('tf32', 'fp16', 'bf16', 'int8')), (20, ('bf16', 'int8')),
    (100, ()),
])
def test_the_coarser_the_arithmetic_the_wider_the_limits(network, millimetres, passes):
    expected = outputs(network)
    found = {**expected, 'joints': expected['joints'] + np.float32(millimetres / 1000 / np.sqrt(3))}
    accepted = []
    for precision in ('fp32', 'tf32', 'fp16', 'bf16', 'int8'):
        try:
            check_outputs(network[1], precision, expected, found)
            accepted.append(precision)
        except EngineError as error:
            assert 'joints_mm' in str(error)
    assert tuple(accepted) == passes


def test_made_up_weights_may_differ_more_but_not_in_fp32(network):
    _, real, mock = network
    expected = outputs(network)
    found = {**expected, 'joints': expected['joints'] + np.float32(0.1 / np.sqrt(3))}
    check_outputs(mock, 'bf16', expected, found)
    with pytest.raises(EngineError):
        check_outputs(real, 'bf16', expected, found)
    with pytest.raises(EngineError):
        check_outputs(mock, 'fp32', expected, found)


def test_sigma_of_the_wrong_joint_is_found(network):
    expected = outputs(network)
    found = {**expected, 'sigma': np.roll(expected['sigma'], 1, axis=1)}
    with pytest.raises(EngineError, match='sigma'):
        check_outputs(network[1], 'bf16', expected, found)
