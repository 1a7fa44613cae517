"""Dataclass fields as ROS parameters, through a real rclpy node."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

pytest.importorskip('rclpy')

from rclpy.parameter import Parameter
from ros_harness import ros_session

from poco_ros.errors import ConfigError
from poco_ros.nodes.parameters import declare_dataclass, parameter_rows, read_dataclass


@dataclass(frozen=True)
class Inner:
    threshold: float = field(default=0.5, metadata={'description': 'Score.', 'min': 0.0, 'max': 1.0, 'dynamic': True})
    people: int = field(default=4, metadata={'description': 'Persons.', 'min': 1})


@dataclass(frozen=True)
class Engine:
    engine: str = field(default='auto', metadata={'description': 'Library.', 'choices': ('auto', 'torch')})
    threads: int = field(default=2, metadata={'description': 'Threads.', 'min': 1})


@dataclass(frozen=True)
class Outer:
    mode: Literal['raw', 'compressed'] = field(
        default='raw', metadata={'description': 'Transport.', 'choices': ('raw', 'compressed')})
    low: float = field(default=1.0, metadata={'description': 'Lower. s', 'dynamic': True})
    high: float = field(default=2.0, metadata={'description': 'Upper. s', 'dynamic': True})
    loop: bool = False
    file: Path = Path('a/b')
    sizes: tuple[int, ...] = (1, 2)
    gains: tuple[float, ...] = (1.0,)
    inner: Inner = field(default_factory=Inner)
    engine: Engine = field(default_factory=Engine, metadata={'flat': True})

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ConfigError(f'low {self.low} is above high {self.high}; lower it')


@pytest.fixture
def ros():
    with ros_session() as session:
        yield session


def overrides(**values):
    return {'parameter_overrides': [Parameter(k.replace('__', '.'), value=v) for k, v in values.items()]}


def test_defaults_come_back_as_the_same_dataclass(ros):
    node = ros.node('n')
    assert declare_dataclass(node, Outer) == Outer()
    assert node.get_parameter('inner.threshold').type_ == Parameter.Type.DOUBLE
    assert node.get_parameter('gains').type_ == Parameter.Type.DOUBLE_ARRAY


def test_fields_of_a_flat_dataclass_stand_among_those_around_it(ros):
    node = ros.node('n', **overrides(engine='torch', threads=5))
    config = declare_dataclass(node, Outer)
    assert config.engine == Engine('torch', 5) == read_dataclass(node, Outer).engine
    assert not node.has_parameter('engine.engine')
    names = [row.name for row in parameter_rows(Outer, prefix='p.')]
    assert names[-4:] == ['p.inner.threshold', 'p.inner.people', 'p.engine', 'p.threads']
    with pytest.raises(ConfigError, match="'engine' must be one of auto, torch"):
        declare_dataclass(ros.node('m', **overrides(engine='steam')), Outer)


def test_overrides_reach_nested_and_list_fields(ros):
    node = ros.node('n', **overrides(
        mode='compressed', inner__people=7, sizes=[5], gains=[0.5, 1.5], file='/x/y', loop=True, low=-3.0))
    config = declare_dataclass(node, Outer)
    assert config == Outer(mode='compressed', low=-3.0, loop=True, file=Path('/x/y'), sizes=(5,), gains=(0.5, 1.5),
                           inner=Inner(people=7))


def test_given_defaults_and_prefix(ros):
    node = ros.node('n')
    config = declare_dataclass(node, Outer, prefix='cam.', defaults=Outer(high=9.0, inner=Inner(people=2)))
    assert (config.high, config.inner.people) == (9.0, 2)
    assert node.get_parameter('cam.inner.people').value == 2


@pytest.mark.parametrize(('values', 'words'), [
    ({'mode': 'smoke'}, "'mode' must be one of raw, compressed"),
    ({'inner__threshold': 2.0}, "'inner.threshold' must be between 0.0 and 1.0"),
    ({'inner__threshold': float('nan')}, "'inner.threshold' must be between"),
    ({'inner__people': 0}, "'inner.people' must be at least 1"),
    ({'low': 3}, "'low' must be a double .*25.0, not 25"),
    ({'loop': 'yes'}, "'loop' must be a bool"),
    ({'low': 5.0}, 'low 5.0 is above high 2.0'),
])
def test_bad_overrides_are_refused_in_plain_words(ros, values, words):
    with pytest.raises(ConfigError, match=words):
        declare_dataclass(ros.node('n', **overrides(**values)), Outer)


def test_descriptors_describe_range_and_read_only(ros):
    node = ros.node('n')
    declare_dataclass(node, Outer)
    threshold, people, mode = (node.describe_parameter(n) for n in ('inner.threshold', 'inner.people', 'mode'))
    assert threshold.description == 'Score.'
    assert (threshold.floating_point_range[0].from_value, threshold.floating_point_range[0].to_value) == (0.0, 1.0)
    assert not threshold.read_only
    assert people.integer_range[0].from_value == 1
    assert people.read_only
    assert mode.read_only
    assert mode.additional_constraints == 'one of raw, compressed'


def test_static_parameters_cannot_be_set(ros):
    node = ros.node('n')
    declare_dataclass(node, Outer)
    (result,) = node.set_parameters([Parameter('mode', value='compressed')])
    assert not result.successful
    assert node.get_parameter('mode').value == 'raw'


def test_dynamic_parameters_are_range_checked_and_cross_checked(ros):
    node, seen = ros.node('n'), []
    declare_dataclass(node, Outer, on_change=seen.append)
    (too_large,) = node.set_parameters([Parameter('inner.threshold', value=2.0)])
    (contradiction,) = node.set_parameters([Parameter('low', value=3.0)])
    assert not too_large.successful
    assert not contradiction.successful
    assert 'low 3.0 is above high 2.0' in contradiction.reason
    assert seen == []
    together = node.set_parameters_atomically([Parameter('low', value=3.0), Parameter('high', value=4.0)])
    assert together.successful
    assert seen == [Outer(low=3.0, high=4.0)]
    assert read_dataclass(node, Outer) == Outer(low=3.0, high=4.0)


def test_table_rows_say_what_the_descriptors_say():
    rows = {row.name: row for row in parameter_rows(Outer)}
    assert list(rows) == ['mode', 'low', 'high', 'loop', 'file', 'sizes', 'gains', 'inner.threshold', 'inner.people',
                          'engine', 'threads']
    assert rows['inner.threshold'].limits == 'between 0.0 and 1.0'
    assert rows['inner.threshold'].dynamic
    assert not rows['inner.people'].dynamic
    assert (rows['sizes'].type, rows['sizes'].default) == ('int[]', '[1, 2]')
    assert (rows['file'].type, rows['file'].default) == ('string', "'a/b'")
    assert rows['mode'].description == 'Transport.'


def test_a_field_that_no_parameter_can_hold_is_a_programming_error():
    @dataclass(frozen=True)
    class Wrong:
        table: dict = field(default_factory=dict)

    with pytest.raises(TypeError):
        parameter_rows(Wrong)
