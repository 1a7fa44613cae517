"""The records that flow between the stages."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from poco_ros.types import Bodies, Boxes, Domain, Landmarks, State


def boxes(n: int) -> Boxes:
    x = np.arange(n, dtype=np.float32)
    return Boxes(np.stack([x, x, x + 1, x + 2], -1), x / 10, np.arange(1, n + 1, dtype=np.int32))


def test_length_is_the_number_of_persons() -> None:
    assert len(boxes(3)) == 3
    assert len(Boxes.empty()) == len(Landmarks.empty()) == len(Bodies.unknown(0)) == 0
    assert len(Bodies.unknown(5)) == 5


@pytest.mark.parametrize('index', [[2, 0], np.array([True, False, True]), slice(1, 3)])
def test_take_selects_the_same_persons_in_every_field(index: object) -> None:
    source = boxes(3)
    taken = source.take(index)
    selector = np.asarray(index, np.intp) if isinstance(index, list) else index
    for field in dataclasses.fields(source):
        np.testing.assert_array_equal(getattr(taken, field.name), getattr(source, field.name)[selector])


def test_take_of_nobody_is_nobody() -> None:
    assert len(boxes(3).take([])) == 0


def test_unknown_bodies_claim_nothing() -> None:
    bodies = Bodies.unknown(2)
    for name, value in vars(bodies).items():
        if value.dtype == np.float32:
            assert np.isnan(value).all(), name
    assert (bodies.track_id == -1).all()
    assert (bodies.state == State.UNKNOWN).all() and (bodies.joint_state == State.UNKNOWN).all()
    assert (bodies.in_domain == Domain.UNKNOWN).all()


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        boxes(1).score = np.zeros(1, np.float32)  # type: ignore[misc]
