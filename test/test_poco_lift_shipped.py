"""When the lift's network ships, auto takes it, unless an official network was imported or the body is another one."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from body_arrays import small_body
from compiled_fakes import record
from lift_networks import exported_lift

import poco_ros.regressors.poco_lift.shipped as shipped
from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.store import networks_folder
from poco_ros.engine.options import EngineOptions
from poco_ros.errors import ConfigError
from poco_ros.regressors import choose_regressor, make_regressor
from poco_ros.regressors.compiled.regressor import CompiledRegressor
from poco_ros.regressors.lift.regressor import BlazePoseLift
from poco_ros.regressors.poco_lift.regressor import PocoLift

OPTIONS = EngineOptions(engine='openvino', precision='fp32', threads=1)


@pytest.fixture(autouse=True)
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('POCO_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setattr(shipped, 'share_dir', lambda: tmp_path)
    return tmp_path


def ship(share: Path) -> Path:
    return Path(shutil.copytree(exported_lift()[0], share / 'engines' / 'poco_lift'))


def test_without_it_auto_is_the_analytic_lift_and_its_name_says_what_is_missing() -> None:
    assert choose_regressor('auto') is None
    with pytest.raises(ConfigError, match="model 'poco_lift': this installation has no .*engines/poco_lift; install"):
        choose_regressor('poco_lift')


def test_auto_and_its_name_take_it_and_lift_stays_the_analytic_one(share: Path) -> None:
    folder, body = ship(share), load_body_model()
    assert choose_regressor('auto') == choose_regressor('poco_lift') == choose_regressor('auto', body) == folder
    for name in ('auto', 'poco_lift', str(folder)):
        assert isinstance(make_regressor(name, body, OPTIONS), PocoLift)
    assert isinstance(make_regressor('lift', body, OPTIONS), BlazePoseLift)


def test_only_what_runs_need_lie_there(share: Path) -> None:
    folder = ship(share)
    (folder / 'weights.safetensors').unlink()
    (folder / 'provenance.json').unlink()
    assert isinstance(make_regressor('auto', load_body_model(), OPTIONS), PocoLift)


def test_an_imported_official_network_comes_first(share: Path) -> None:
    ship(share)
    folder = networks_folder() / 'poco_hmr'
    folder.mkdir(parents=True)
    record(load_body_model(), 'poco_hmr').write(folder)
    assert choose_regressor('auto') == folder


def test_auto_passes_over_it_for_another_body_and_says_so(share: Path, caplog: pytest.LogCaptureFixture) -> None:
    ship(share)
    np.savez(share / 'mine.npz', **small_body())
    body = load_body_model(share / 'mine.npz')
    with caplog.at_level(logging.WARNING):
        assert isinstance(make_regressor('auto', body), BlazePoseLift)
    assert 'auto takes the analytic lift' in caplog.text
    with pytest.raises(ConfigError, match='was exported for the body model'):
        make_regressor('poco_lift', body)


def test_a_users_network_of_the_same_name_is_not_silently_another_one(share: Path) -> None:
    ship(share)
    own = networks_folder() / 'poco_lift'
    shutil.copytree(exported_lift()[0], own)
    with pytest.raises(ConfigError, match="two networks are called 'poco_lift'"):
        choose_regressor('poco_lift')
    assert choose_regressor(str(own)) == own


def test_a_lift_of_the_users_own_runs_by_its_name() -> None:
    shutil.copytree(exported_lift()[0], networks_folder() / 'my_lift')
    assert isinstance(make_regressor('my_lift', load_body_model(), OPTIONS), PocoLift)


def test_an_image_regressor_does_not_take_a_lift() -> None:
    folder, made = exported_lift()
    with pytest.raises(ConfigError, match='sees landmarks, not crops'):
        CompiledRegressor.load(folder, load_body_model(), OPTIONS)
    assert dataclasses.replace(made, name='x').is_lift
