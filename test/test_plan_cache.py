"""Plans on disk: whole or not at all, with everything in clear."""

from __future__ import annotations

import hashlib
import json

import pytest
from engine_networks import make_network
from fake_tensorrt_driver import PLATFORM

from poco_ros.engine.plan_cache import PlanCache, engines_folder
from poco_ros.engine.plan_key import plan_key
from poco_ros.engine.tensorrt_interface import Recipe


@pytest.fixture
def key(tmp_path):
    return plan_key(make_network(tmp_path / 'small'), 'fp32', Recipe((1, 1, 8), tf32=False), PLATFORM)


def test_gives_back_what_was_written_with_its_story(tmp_path, key):
    cache = PlanCache(tmp_path / 'a' / 'b')
    assert cache.read(key) is None
    assert cache.write(key, b'a plan', 12.34)
    assert cache.read(key) == b'a plan'
    story = json.loads((cache.folder / f'{key.stem}.json').read_text())
    assert story['parts'] == key.parts
    assert story['build_seconds'] == 12.3
    assert story['plan_sha256'] == hashlib.sha256(b'a plan').hexdigest()
    assert story['key'] == key.sha256
    assert sorted(path.name for path in cache.folder.iterdir()) == [f'{key.stem}.json', f'{key.stem}.plan']


def test_a_plan_under_anothers_name_is_not_taken(tmp_path, key, caplog):
    """The record says what a plan is; the file name is only where to look."""
    cache = PlanCache(tmp_path / 'engines')
    cache.write(key, b'a plan', 1)
    path = cache.folder / f'{key.stem}.json'
    story = json.loads(path.read_text())
    story['parts']['platform']['gpu'] = 'another'
    path.write_text(json.dumps(story))
    assert cache.read(key) is None
    assert 'not the one its record describes' in caplog.text


def test_a_folder_that_cannot_be_made_keeps_nothing_and_says_so(tmp_path, key, caplog):
    (tmp_path / 'file').write_text('not a folder')
    cache = PlanCache(tmp_path / 'file' / 'engines')
    assert not cache.write(key, b'a plan', 1)
    assert 'cannot be kept' in caplog.text
    cache.write_timing(key, b'x')
    assert cache.read_timing(key) == b''
    with cache.lock(key, lambda: None) as held:
        assert not held


def test_lies_in_the_cache_of_the_package(monkeypatch, tmp_path):
    monkeypatch.setenv('POCO_CACHE', str(tmp_path))
    assert engines_folder() == tmp_path / 'engines'
