"""The source's clock between frames."""

from __future__ import annotations

from poco_ros.nodes.source_clock import SourceClock


def test_it_runs_on_from_the_last_frame_by_our_clock_however_far_apart_the_clocks_are():
    clock = SourceClock()
    assert clock.at(5) is None
    clock.arrived(1_000_000, 70)
    assert [clock.at(now) for now in (70, 75, 170)] == [1_000_000, 1_000_005, 1_000_100]
    clock.arrived(1_000_033, 110)
    assert clock.at(111) == 1_000_034


def test_it_stands_still_when_our_clock_goes_back_and_forgets_when_told():
    clock = SourceClock()
    clock.arrived(1_000, 500)
    assert clock.at(100) == 1_000
    clock.reset()
    assert clock.at(600) is None
