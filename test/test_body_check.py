"""A mesh is made only with the body model that the betas belong to."""

from __future__ import annotations

import dataclasses

import pytest

pytest.importorskip('rclpy')

from poco_ros.body.model_file import load_body_model
from poco_ros.msg import BodyModelInfo
from poco_ros.nodes.body_check import BodyModelCheck


@pytest.fixture(scope='module')
def body():
    return dataclasses.replace(load_body_model(), name='mine', sha256='ab' * 32)


@pytest.fixture
def told():
    return []


def info(model_id, sha256):
    return BodyModelInfo(model_id=model_id, body_model='theirs', body_model_hash=sha256)


def test_unverified_bodies_get_none(body, told):
    check = BodyModelCheck(body, told.append)
    assert check.body_for('lift-1') is None and check.body_for('') is None
    assert told == []


def test_same_hash_gives_the_body_to_that_model_only(body, told):
    check = BodyModelCheck(body, told.append)
    check.take(info('lift-1', 'ab' * 32))
    assert check.body_for('lift-1') is body
    assert check.body_for('lift-2') is None
    assert told == []


@pytest.mark.parametrize('sha256', ['cd' * 32, ''])
def test_another_hash_is_told_once_with_both_and_the_mend(body, told, sha256):
    check = BodyModelCheck(body, told.append)
    check.take(info('lift-1', sha256))
    check.take(info('lift-1', sha256))
    assert check.body_for('lift-1') is None
    assert len(told) == 1
    for word in ("'theirs'", "'mine'", sha256[:12], 'ab' * 6, 'body_model'):
        assert word in told[0]


def test_a_restarted_producer_with_the_right_body_is_taken(body, told):
    check = BodyModelCheck(body, told.append)
    check.take(info('lift-1', 'cd' * 32))
    check.take(info('lift-2', 'ab' * 32))
    assert check.body_for('lift-2') is body and check.body_for('lift-1') is None
