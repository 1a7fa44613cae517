from __future__ import annotations

import pytest

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.errors import ConfigError
from poco_ros.regressors import REGRESSORS, make_regressor
from poco_ros.regressors.base import Regressor, RegressorInfo


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


@pytest.mark.parametrize('name', REGRESSORS)
def test_every_name_makes_a_regressor_that_says_what_it_is(name: str, body: BodyModel) -> None:
    regressor: Regressor = make_regressor(name, body)
    info = regressor.info
    assert info.model and info.model_version and info.engine and info.precision and info.licence
    assert 'uncalibrated' in info.uncertainty_definition and '[0, 1]' in info.uncertainty_definition
    assert regressor.needs_landmarks in (True, False)


def test_unknown_name_is_refused_with_the_names_there_are(body: BodyModel) -> None:
    with pytest.raises(ConfigError, match="'poco'.*auto, lift"):
        make_regressor('poco', body)


def test_what_is_not_known_is_empty() -> None:
    info = RegressorInfo(model='x')
    assert (info.weights_hash, info.graph_hash, info.engine_hash, info.device) == ('', '', '', '')
