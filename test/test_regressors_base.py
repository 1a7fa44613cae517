"""What a regressor's name stands for."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiled_fakes import FakeEngine, outputs, record

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.store import networks_folder
from poco_ros.engine.options import EngineOptions
from poco_ros.errors import ConfigError
from poco_ros.regressors import choose_regressor, make_regressor
from poco_ros.regressors.base import Regressor, RegressorInfo
from poco_ros.regressors.compiled import about


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('POCO_CACHE', str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(('name', 'model'), [('auto', 'poco_lift'), ('lift', 'blazepose_lift')])
def test_without_a_network_of_the_users_a_lift_runs_that_says_what_it_is(
        name: str, model: str, body: BodyModel) -> None:
    regressor: Regressor = make_regressor(name, body, EngineOptions(engine='openvino', precision='fp32', threads=1))
    info = regressor.info
    assert info.model == model
    assert info.model_version and info.engine and info.precision and info.licence
    assert 'calibrated' in info.uncertainty_definition
    assert regressor.needs_landmarks and regressor.warnings == ()


def test_a_network_gets_its_engine_as_asked_and_auto_takes_it(
        body: BodyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = networks_folder() / 'poco_pare'
    folder.mkdir(parents=True)
    record(body, 'poco_pare').write(folder)
    asked = []

    def load_engine(*arguments: object, **keywords: object) -> FakeEngine:
        asked.append((*arguments, *keywords.values()))
        return FakeEngine(lambda feeds: outputs(len(feeds['crops'])), 'poco_pare')

    monkeypatch.setattr(about, 'load_engine', load_engine)
    options = EngineOptions(engine='openvino', precision='fp32', max_batch=4)
    for name in ('auto', 'pare', str(folder)):
        regressor: Regressor = make_regressor(name, body, options, print)
        assert regressor.info.model == 'poco_pare' and not regressor.needs_landmarks
    assert asked == [(folder, options, print, body)] * 3
    assert choose_regressor('lift') is None and choose_regressor('auto') == folder


def test_no_engine_is_built_for_a_network_that_does_not_fit(body: BodyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = networks_folder() / 'poco_cliff'
    folder.mkdir(parents=True)
    record(body, body_model='smpl_neutral', body_model_sha256='e' * 64).write(folder)

    def load_engine(*arguments: object, **keywords: object) -> FakeEngine:
        raise AssertionError('minutes spent for nothing')

    monkeypatch.setattr(about, 'load_engine', load_engine)
    with pytest.raises(ConfigError, match='smpl_neutral'):
        make_regressor('auto', body)


def test_unknown_name_is_refused_with_the_names_there_are(body: BodyModel) -> None:
    with pytest.raises(ConfigError, match="'poco'.*auto, poco_lift, lift, cliff, pare, hmr"):
        make_regressor('poco', body)


def test_what_is_not_known_is_empty() -> None:
    info = RegressorInfo(model='x')
    assert (info.weights_hash, info.graph_hash, info.engine_hash, info.device) == ('', '', '', '')
