"""The real TensorRT, where there is one: a network is built, loaded, run and found to be the network."""

from __future__ import annotations

import numpy as np
import pytest
from exported_networks import exported

from poco_ros.engine.agreement import compare
from poco_ros.engine.plan_cache import PlanCache
from poco_ros.engine.tensorrt_engine import TensorRtEngine
from poco_ros.errors import EngineError

pytestmark = pytest.mark.gpu


@pytest.fixture(scope='module')
def driver():
    try:
        from poco_ros.engine.tensorrt_driver import Driver

        return Driver()
    except EngineError as error:
        pytest.skip(str(error))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize('precision', ['fp32', 'tf32', 'fp16', 'bf16'])
def test_builds_loads_and_is_the_network(driver, precision, tmp_path):
    folder, record = exported('tiny_cliff', ('fp32', 'fp16', 'bf16'))
    inputs, expected = record.expected_values(folder)
    told = []
    options = {'precision': precision, 'max_batch': 3, 'progress': lambda what, share: told.append((what, share))}
    first = TensorRtEngine(folder, record, driver, PlanCache(tmp_path), **options)
    assert compare(expected, first(inputs)).joints_mm < (0.1 if precision == 'fp32' else 30)
    assert told[-1][1] == 1
    assert len(told) > 3
    second = TensorRtEngine(folder, record, driver, PlanCache(tmp_path), **options)
    assert 'from the cache' in second.info.reason
    assert second.info.engine_sha256 == first.info.engine_sha256
    for name, array in first(inputs).items():
        np.testing.assert_array_equal(second(inputs)[name], array)


def test_a_broken_plan_is_refused(driver):
    assert driver.load(b'no plan' * 100) is None
