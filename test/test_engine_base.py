"""Checking what goes into an engine, without any engine."""

from __future__ import annotations

import numpy as np
import pytest

from poco_ros.engine.base import TensorSpec, check_feeds
from poco_ros.errors import EngineError

SPECS = (TensorSpec('image', (1, 4, 4, 3), 'float32'), TensorSpec('boxes', (-1, 2), 'int32'))


def test_gives_the_arrays_in_order_and_contiguous():
    image = np.zeros((1, 4, 3, 4), np.float32).transpose(0, 1, 3, 2)
    boxes = np.zeros((5, 2), np.int32)
    first, second = check_feeds(SPECS, {'boxes': boxes, 'image': image})
    assert first.shape == (1, 4, 4, 3)
    assert first.flags.c_contiguous
    assert second is boxes


def test_an_open_size_takes_any_number_but_not_another_rank():
    image = np.zeros((1, 4, 4, 3), np.float32)
    assert len(check_feeds(SPECS, {'image': image, 'boxes': np.zeros((0, 2), np.int32)})[1]) == 0
    with pytest.raises(EngineError, match='boxes must be int32'):
        check_feeds(SPECS, {'image': image, 'boxes': np.zeros((2, 2, 2), np.int32)})
