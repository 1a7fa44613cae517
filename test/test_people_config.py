"""Settings of the people finder: described, ranged, refused when wrong."""

from __future__ import annotations

import dataclasses

import pytest

from poco_ros.errors import ConfigError
from poco_ros.people.config import FinderConfig

FIELDS = dataclasses.fields(FinderConfig)


@pytest.mark.parametrize('field', FIELDS, ids=lambda field: field.name)
def test_every_setting_says_what_it_is_and_keeps_its_range(field):
    low, high = field.metadata['min'], field.metadata['max']
    assert len(field.metadata['description']) > 10
    assert low <= field.default <= high
    assert type(field.default).__name__ == field.type
    for edge in (low, high):
        assert getattr(FinderConfig(**{field.name: edge}), field.name) == edge
    for wrong in (low - 1, high + 1, float('nan'), float('inf'), 'text', None, True):
        with pytest.raises(ConfigError, match=field.name):
            FinderConfig(**{field.name: wrong})


def test_whole_numbers_stay_whole():
    with pytest.raises(ConfigError, match='max_people'):
        FinderConfig(max_people=2.5)
    assert FinderConfig(lost_s=2).lost_s == 2
