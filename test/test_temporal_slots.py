"""Rows for people."""

from poco_ros.temporal.slots import Slots


def test_slots_are_stable_limited_and_not_reused_before_time():
    slots = Slots(3)
    assert [slots.claim(i, 0) for i in (10, 20, 30)] == [0, 1, 2] and slots.claim(40, 0) is None
    assert 20 in slots and slots.slot(20) == 1 and slots.capacity == 4
    slots.free(20, until=5)
    assert 20 not in slots and slots.rows.tolist() == [0, 2] and slots.track_ids.tolist() == [10, 30]
    assert slots.claim(50, 4) == 3 and slots.rows.tolist() == [0, 2, 3]
    slots.free(50, until=6)
    assert slots.claim(60, 5) == 1
    slots.clear()
    assert len(slots) == 0 and slots.claim(1, 0) == 0


def test_capacity_is_bounded_by_those_there_and_those_just_gone():
    slots = Slots(8)
    for frame in range(1000):
        if len(slots) == 8:
            slots.free(frame - 8, until=frame + 6)
        slots.claim(frame, frame)
    assert slots.capacity <= 16
