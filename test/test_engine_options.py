"""What can be asked of an engine."""

from __future__ import annotations

import pytest

from poco_ros.engine.options import EngineOptions
from poco_ros.errors import ConfigError


def test_left_alone_everything_is_chosen():
    options = EngineOptions()
    assert (options.engine, options.precision, options.threads, options.max_batch) == ('auto', 'auto', 0, 8)


@pytest.mark.parametrize(('field', 'value'), [
    ('engine', 'onnxruntime'), ('engine', ''), ('precision', 'f32'), ('precision', 'fp8'), ('threads', -1),
    ('max_batch', 0), ('max_batch', 65), ('max_batch', 2.0),
])
def test_what_there_is_not_is_refused_by_name(field, value):
    with pytest.raises(ConfigError, match=field):
        EngineOptions(**{field: value})
