"""Checked fields of configuration dataclasses."""

from dataclasses import dataclass

import pytest

from poco_ros.errors import ConfigError
from poco_ros.settings import check_settings, choice, setting


@dataclass(frozen=True)
class Example:
    ratio: float = setting(0.5, 'a number', 0.0, 1.0)
    count: int = setting(3, 'a count', 1, 10)
    kind: str = choice('a', 'a word', 'a', 'b')

    def __post_init__(self):
        check_settings(self)


def test_good_values_pass():
    assert Example(ratio=1, count=10, kind='b') == Example(1.0, 10, 'b')


@pytest.mark.parametrize('bad', [
    {'ratio': 1.01}, {'ratio': float('nan')}, {'ratio': 'x'}, {'count': 2.0}, {'count': 0}, {'count': True},
    {'kind': 'c'},
])
def test_bad_values_are_refused_by_name(bad):
    with pytest.raises(ConfigError, match=next(iter(bad))):
        Example(**bad)
