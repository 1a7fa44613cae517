"""What stamps say."""

import pytest

from poco_ros.temporal.config import StampConfig
from poco_ros.temporal.stamps import FrameClock, Step

MS = 1_000_000


def clock_at(*stamps_ms):
    clock = FrameClock(StampConfig())
    missing = [clock.accept(s * MS) for s in stamps_ms]
    return clock, missing


@pytest.mark.parametrize(('then_ms', 'step'), [
    (100, Step.REPEATED), (100.5, Step.REPEATED), (99.5, Step.REPEATED), (90, Step.LATE), (-390, Step.LATE),
    (133, Step.NEXT), (599, Step.NEXT), (700, Step.JUMP), (-500, Step.JUMP),
])
def test_steps(then_ms, step):
    clock, _ = clock_at(66, 100)
    assert clock.classify(round(then_ms * MS))[0] is step
    assert FrameClock(StampConfig()).classify(0)[0] is Step.FIRST


def test_the_period_is_that_of_the_last_frames_and_missing_ones_are_counted_by_it():
    clock, missing = clock_at(0, 100, 200, 300, 600, 700)
    assert clock.period_s == 0.1 and missing == [0, 0, 0, 0, 2, 0]
    assert FrameClock(StampConfig(first_period_s=0.2)).period_s == 0.2


def test_a_reset_forgets_the_last_stamp_but_not_the_rate():
    clock, _ = clock_at(0, 50, 100)
    clock.reset()
    assert clock.classify(0)[0] is Step.FIRST and clock.period_s == 0.05
