"""What trusted joints said of their errors is remembered, per person, and nothing else is."""

import dataclasses

import numpy as np

from poco_ros.temporal.last_errors import LastErrors, split
from poco_ros.types import NUM_JOINTS, Bodies


def stating(error, radius, count=1):
    return dataclasses.replace(
        Bodies.unknown(count), joint_error_mm=np.full((count, NUM_JOINTS), error, np.float32),
        joint_radius_mm=np.full((count, NUM_JOINTS), radius, np.float32),
        transl_error_mm=np.full(count, error + 1, np.float32), transl_radius_mm=np.full(count, radius + 1, np.float32))


def test_only_trusted_joints_and_stated_numbers_are_remembered():
    memory, rows = LastErrors(), np.array([1])
    memory.grow(3)
    trusted = np.ones((1, NUM_JOINTS), bool)
    memory.remember(rows, stating(30.0, 50.0), trusted)
    doubted = trusted.copy()
    doubted[0, [0, 7]] = False
    memory.remember(rows, stating(60.0, 90.0), doubted)
    memory.remember(rows, Bodies.unknown(1), trusted)  # states nothing
    told = split(memory.of(rows))
    expected = np.where(doubted, 60.0, 30.0)
    np.testing.assert_array_equal(told['joint_error_mm'], expected)
    np.testing.assert_array_equal(told['joint_radius_mm'], np.where(doubted, 90.0, 50.0))
    position = told['transl_error_mm'][0], told['transl_radius_mm'][0]
    assert position == (31.0, 51.0)  # goes with the pelvis


def test_people_are_kept_apart_forgotten_and_stay_when_there_is_more_room():
    memory = LastErrors()
    memory.grow(2)
    memory.remember(np.array([0, 1]), stating(10.0, 20.0, 2), np.ones((2, NUM_JOINTS), bool))
    memory.grow(5)
    memory.forget(np.array([0]))
    told = split(memory.of(np.arange(5)))['joint_error_mm']
    assert np.isnan(told[[0, 2, 3, 4]]).all() and (told[1] == 10.0).all()


def test_the_radius_of_the_body_is_remembered_from_when_all_of_it_was_trusted():
    memory, rows = LastErrors(), np.array([0])
    memory.grow(1)
    trusted = np.ones((1, NUM_JOINTS), bool)
    memory.remember(rows, dataclasses.replace(stating(30.0, 50.0), body_radius_mm=np.float32([210.0])), trusted)
    trusted[0, 21] = False
    memory.remember(rows, dataclasses.replace(stating(40.0, 60.0), body_radius_mm=np.float32([400.0])), trusted)
    told = split(memory.of(rows))
    assert told['body_radius_mm'][0] == 210.0 and told['joint_radius_mm'][0, [20, 21]].tolist() == [60.0, 50.0]
