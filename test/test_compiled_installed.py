"""Which network a name stands for, and which one is taken when none is named."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from compiled_fakes import record

from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.provenance import Provenance
from poco_ros.checkpoints.store import networks_folder
from poco_ros.errors import ConfigError, EngineError, ModelFileError
from poco_ros.networks.variants import OFFICIAL
from poco_ros.regressors.compiled.installed import best_network, find_network


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('POCO_CACHE', str(tmp_path))
    return tmp_path


def install(name: str, *, mock: bool = False, exported: bool = True, folder: Path | None = None) -> Path:
    folder = folder or networks_folder() / name
    folder.mkdir(parents=True)
    variant = OFFICIAL.get(name, OFFICIAL['poco_hmr'])
    Provenance(name, variant, 'x.pt', 'f' * 64, 'bare', 'theirs', '2026-01-01', 'c' * 64, mock).write(folder)
    if exported:
        record(load_body_model(), variant.name, mock=mock).write(folder)
    return folder


def test_without_a_network_there_is_none_to_take() -> None:
    assert best_network() is None


def test_auto_takes_cliff_before_pare_before_hmr() -> None:
    for name in ('poco_hmr', 'poco_pare', 'poco_cliff'):
        folder = install(name)
        assert best_network() == folder


def test_auto_never_takes_made_up_weights_nor_networks_of_other_names() -> None:
    install('poco_cliff', mock=True)
    install('poco_pare', mock=True, exported=False)
    install('my_own')
    assert best_network() is None
    hmr = install('poco_hmr')
    assert best_network() == hmr


def test_auto_passes_over_what_was_never_exported_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    install('poco_cliff', exported=False)
    with caplog.at_level(logging.WARNING):
        assert best_network() is None
    assert "run 'poco export poco_cliff'" in caplog.text
    pare = install('poco_pare')
    assert best_network() == pare


def test_a_damaged_network_is_not_quietly_replaced_by_a_lesser_one() -> None:
    (install('poco_cliff') / 'model.json').write_text('{')
    install('poco_pare')
    with pytest.raises(EngineError, match='poco_cliff.*model.json'):
        best_network()
    (install('poco_hmr', exported=False) / 'provenance.json').write_text('[]')
    (networks_folder() / 'poco_cliff' / 'model.json').unlink()
    (networks_folder() / 'poco_cliff' / 'provenance.json').write_text('{}')
    with pytest.raises(ModelFileError, match='poco_cliff.*provenance.json'):
        best_network()


@pytest.mark.parametrize(('short', 'name'), [('cliff', 'poco_cliff'), ('pare', 'poco_pare'), ('hmr', 'poco_hmr')])
def test_official_networks_have_short_names(short: str, name: str) -> None:
    folder = install(name, mock=True)  # asked for by name, a mock is what the user wants
    assert find_network(short) == find_network(name) == find_network(str(folder)) == folder


def test_networks_are_found_by_name_and_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = install('my_own')
    assert find_network('my_own') == named
    own = install('elsewhere', folder=tmp_path / 'a' / 'b')
    monkeypatch.chdir(tmp_path)
    assert find_network('a/b') == find_network('./a/b') == find_network(str(own)) == own


@pytest.mark.parametrize(('name', 'words'), [
    ('cliff', r"networks/poco_cliff; run 'poco import-checkpoint"), ('poco_pare', "run 'poco import-checkpoint"),
    ('nonsense', "no model is called 'nonsense'; use auto, poco_lift, lift, cliff, pare, hmr.*there: other"),
    ('/no/such/folder', '/no/such/folder is not the folder of a network'), ('..', "a network's name consists of"),
    ('', "a network's name consists of"),
])
def test_what_is_not_there_is_told_with_the_mend(name: str, words: str) -> None:
    install('other')
    with pytest.raises(ConfigError, match=words):
        find_network(name)


def test_a_network_that_was_never_exported_is_told_with_the_command() -> None:
    install('poco_cliff', exported=False)
    with pytest.raises(ConfigError, match="model 'cliff'.*never exported; run 'poco export poco_cliff'"):
        find_network('cliff')


def test_a_folder_copied_without_its_weights_is_enough() -> None:
    """A machine that only runs the network needs the graphs and their record."""
    folder = install('poco_cliff')
    (folder / 'provenance.json').unlink()
    assert find_network('cliff') == best_network() == folder
