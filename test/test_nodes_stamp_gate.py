"""The order of stamps."""

from __future__ import annotations

from poco_ros.nodes.stamp_gate import Order, StampGate

S = 1_000_000_000


def orders(*stamps_s: float) -> list[Order]:
    gate = StampGate(5.0)
    return [gate.check(round(s * S)) for s in stamps_s]


def test_a_steady_stream_and_all_its_disturbances():
    assert orders(1, 2, 2, 3, 1, 2) == [
        Order.FIRST, Order.NEXT, Order.REPEATED, Order.NEXT, Order.BACKWARDS, Order.NEXT]
    assert orders(0, 5, 10.000000001) == [Order.FIRST, Order.NEXT, Order.GAP]
    assert orders(0, 0, 0) == [Order.FIRST, Order.REPEATED, Order.REPEATED]


def test_only_what_breaks_the_stream_starts_anew():
    assert [o for o in Order if o.starts_anew] == [Order.BACKWARDS, Order.GAP]


def test_reset_forgets():
    gate = StampGate(5.0)
    gate.check(10 * S)
    gate.reset()
    assert gate.check(1 * S) is Order.FIRST
