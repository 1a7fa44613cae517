"""A plan's key changes with everything that matters, and with nothing else."""

from __future__ import annotations

import dataclasses
import json

import pytest
from engine_networks import make_network
from fake_tensorrt_driver import PLATFORM

from poco_ros.engine.model_record import StoredFile
from poco_ros.engine.plan_key import plan_key
from poco_ros.engine.tensorrt_interface import Recipe

RECIPE = Recipe((1, 1, 8), tf32=False)


@pytest.fixture(scope='module')
def record(tmp_path_factory):
    return make_network(tmp_path_factory.mktemp('network'), precisions=('fp32', 'fp16'))


def test_everything_that_matters_changes_the_key(record):
    other = dataclasses.replace(record, graphs={**record.graphs, 'fp32': StoredFile('model_fp32.onnx', 'f' * 64)})
    keys = [plan_key(record, 'fp32', RECIPE, PLATFORM), plan_key(other, 'fp32', RECIPE, PLATFORM),
            plan_key(record, 'fp16', RECIPE, PLATFORM)]
    for name, value in (('persons', (1, 1, 4)), ('tf32', True), ('optimisation_level', 5), ('workspace_bytes', 1)):
        keys.append(plan_key(record, 'fp32', dataclasses.replace(RECIPE, **{name: value}), PLATFORM))
    for field in dataclasses.fields(PLATFORM):
        changed = 12 if field.name.startswith('cuda') else 'another'
        keys.append(plan_key(record, 'fp32', RECIPE, dataclasses.replace(PLATFORM, **{field.name: changed})))
    assert len(keys) == 12
    assert len({key.sha256 for key in keys}) == 12
    assert len({key.stem for key in keys}) == 12


def test_nothing_else_does(record):
    again = dataclasses.replace(record, licence='another', checks={'fp32': {}}, made={'date': 'tomorrow'})
    first, second = plan_key(record, 'fp32', RECIPE, PLATFORM), plan_key(again, 'fp32', RECIPE, PLATFORM)
    assert first.sha256 == second.sha256
    assert first.stem == f'small-{first.sha256[:16]}'


def test_another_processor_changes_the_key(record, monkeypatch):
    key = plan_key(record, 'fp32', RECIPE, PLATFORM)
    monkeypatch.setattr('poco_ros.engine.plan_key.machine.machine', lambda: 'aarch64-of-mars')
    assert plan_key(record, 'fp32', RECIPE, PLATFORM).sha256 != key.sha256


def test_networks_on_one_platform_share_what_builds_learn(record):
    fp32, fp16 = (plan_key(record, precision, RECIPE, PLATFORM) for precision in ('fp32', 'fp16'))
    newer = plan_key(record, 'fp32', RECIPE, dataclasses.replace(PLATFORM, tensorrt='11.5.0'))
    assert fp32.timing_stem == fp16.timing_stem != newer.timing_stem


def test_the_parts_survive_json(record):
    parts = plan_key(record, 'fp32', RECIPE, PLATFORM).parts
    assert json.loads(json.dumps(parts)) == parts
    assert parts['platform']['gpu'] == 'NVIDIA H100 80GB HBM3'
