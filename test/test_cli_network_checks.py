"""What the doctor says of networks and engines, from made-up caches."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from compiled_fakes import record

import poco_ros.regressors.poco_lift.shipped as shipped
from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.provenance import Provenance
from poco_ros.checkpoints.store import networks_folder
from poco_ros.cli import network_checks
from poco_ros.cli.checks import Verdict
from poco_ros.engine.model_record import StoredFile
from poco_ros.networks.variants import OFFICIAL


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('POCO_CACHE', str(tmp_path))
    return tmp_path


def install(name: str, *, mock: bool = False, exported: bool = True) -> Path:
    folder = networks_folder() / name
    folder.mkdir(parents=True)
    Provenance(name, OFFICIAL[name], 'x.pt', 'f' * 64, 'bare', 'theirs', '2026-01-01', 'c' * 64, mock).write(folder)
    if exported:
        (folder / 'model.onnx').write_bytes(b'graph')
        graphs = {'fp32': StoredFile.of(folder / 'model.onnx')}
        record(load_body_model(), name, mock=mock, graphs=graphs).write(folder)
    return folder


def test_without_networks_the_shipped_lift_runs():
    check = network_checks.networks()
    assert check.verdict is Verdict.OK and check.mend == ''
    assert check.found == 'none installed; model:=auto takes poco_lift'


def test_without_any_network_the_analytic_lift_runs_and_the_command_is_told(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shipped, 'share_dir', lambda: tmp_path)
    check = network_checks.networks()
    assert check.verdict is Verdict.NOTE
    assert check.found == 'none installed; model:=auto takes lift' and 'poco import-checkpoint' in check.mend


def test_what_is_installed_and_what_auto_takes_is_told():
    install('poco_cliff', mock=True)
    install('poco_pare')
    check = network_checks.networks()
    assert check.verdict is Verdict.OK and check.mend == ''
    assert check.found == ('poco_cliff (fp32; for open_body; mock weights), poco_pare (fp32; for open_body); '
                           'model:=auto takes poco_pare')


def test_an_imported_network_that_was_not_exported_gets_its_command():
    install('poco_cliff', exported=False)
    check = network_checks.networks()
    assert check.verdict is Verdict.NOTE
    assert 'poco_cliff (not exported); model:=auto takes poco_lift' in check.found
    assert check.mend == "run 'poco export poco_cliff'"


def test_a_damaged_network_is_told():
    (install('poco_hmr', mock=True) / 'model.onnx').write_bytes(b'another graph')
    check = network_checks.networks()
    assert check.verdict is Verdict.NOTE and 'poco_hmr (damaged)' in check.found and 'model.onnx' in check.mend
    (install('poco_cliff') / 'model.json').write_text('{')
    check = network_checks.networks()  # auto would want this one: nothing runs until it is mended
    assert check.verdict is Verdict.FAIL and 'poco_cliff' in check.mend and 'model.json' in check.mend


def test_a_network_for_the_users_own_body_model_says_which(tmp_path: Path):
    folder = install('poco_cliff')
    graphs = {'fp32': StoredFile.of(folder / 'model.onnx')}
    record(load_body_model(), graphs=graphs, body_model='smpl_neutral', body_model_sha256='e' * 64).write(folder)
    check = network_checks.networks()
    assert check.verdict is Verdict.NOTE and 'model:=auto takes poco_cliff' in check.found
    assert check.mend == 'poco_cliff was exported for smpl_neutral: set body_model to that file'


def test_engines_are_told_without_importing_them(monkeypatch: pytest.MonkeyPatch):
    check = network_checks.engines()
    assert check.verdict is Verdict.OK and 'openvino 20' in check.found
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: object() if name == 'tensorrt' else None)
    check = network_checks.engines()
    assert check.found.startswith('there: tensorrt') and 'not there: openvino (networks on CPUs), torch' in check.found
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert network_checks.engines().verdict is Verdict.NOTE
