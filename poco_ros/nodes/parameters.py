"""ROS parameters from a configuration dataclass: one typed, described, range-checked parameter per field.

The dataclass is the single description: its defaults, its types and each field's ``metadata`` give the parameter
descriptors, the validation and the table in the documentation. Metadata keys, all optional:

- ``description``: one line of plain text, with the unit;
- ``min``, ``max``: inclusive bounds of a number (NaN is then refused);
- ``choices``: the values allowed;
- ``dynamic``: True where the parameter may be changed while the node runs; everything else is read-only.

A nested dataclass becomes a dotted prefix: the field ``finder`` with a field ``max_people`` is the parameter
``finder.max_people``. With the metadata ``flat`` it has no prefix: its fields stand among those around it.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from poco_ros.errors import ConfigError

Config = TypeVar('Config')

_SCALARS = {
    bool: Parameter.Type.BOOL, int: Parameter.Type.INTEGER, float: Parameter.Type.DOUBLE, str: Parameter.Type.STRING,
    Path: Parameter.Type.STRING,
}
_ARRAYS = {
    bool: Parameter.Type.BOOL_ARRAY, int: Parameter.Type.INTEGER_ARRAY, float: Parameter.Type.DOUBLE_ARRAY,
    str: Parameter.Type.STRING_ARRAY,
}
_TYPE_NAMES = {bool: 'bool', int: 'int', float: 'double', str: 'string', Path: 'string'}


@dataclasses.dataclass(frozen=True)
class ParameterRow:
    """One line of the parameter table.

    :param name: full ROS name, with the prefix.
    :param type: ROS type in words: bool, int, double, string, or one of these with ``[]``.
    :param default: the default as text.
    :param limits: range or choices as text; empty where anything of the type is allowed.
    :param dynamic: may be set while the node runs.
    :param description: one line.
    """

    name: str
    type: str
    default: str
    limits: str
    dynamic: bool
    description: str


@dataclasses.dataclass(frozen=True)
class _Leaf:
    """A field that is a parameter, with where it sits in the nested dataclass."""

    name: str
    path: tuple[str, ...]
    item_type: type
    is_array: bool
    default: Any
    metadata: typing.Mapping[str, Any]

    @property
    def dynamic(self) -> bool:
        return bool(self.metadata.get('dynamic', False))

    @property
    def type(self) -> Parameter.Type:
        return (_ARRAYS if self.is_array else _SCALARS)[self.item_type]

    def to_ros(self) -> Any:
        """Return the default as a value that rclpy takes, of the type it infers."""
        if not self.is_array:
            return str(self.default) if self.item_type is Path else self.default
        if not self.default:
            raise TypeError(f'{self.name}: the default of a list needs an element, or ROS cannot know its type')
        return list(self.default)

    def from_ros(self, value: Any) -> Any:
        return tuple(self.item_type(v) for v in value) if self.is_array else self.item_type(value)


def declare_dataclass(
    node: Node, config_class: type[Config], *, prefix: str = '', defaults: Config | None = None,
    on_change: Callable[[Config], None] | None = None,
) -> Config:
    """Declare one parameter per field of a dataclass and return the configuration that the parameters give.

    Fields of ``bool``, ``int``, ``float``, ``str``, ``Path``, tuples of these, and nested dataclasses are understood.
    A parameter without the metadata ``dynamic`` is read-only: it is fixed by launch file, parameter file or command
    line. A change of a dynamic one is accepted only if the whole configuration stays valid.

    :param node: the node that owns the parameters.
    :param config_class: the dataclass; it validates itself in ``__post_init__`` by raising :class:`ConfigError`.
    :param prefix: put before every name, as ``'view.'``.
    :param defaults: an instance whose values replace the defaults of the class.
    :param on_change: called with the new configuration after a dynamic parameter was changed.
    :returns: the configuration with all overrides applied.
    :raises ConfigError: when a value has the wrong type, is out of range or contradicts another; names the parameter.
    """
    leaves = list(_leaves(config_class, prefix, defaults))
    for leaf in leaves:
        _declare(node, leaf)
    config = _build(config_class, leaves, {leaf.name: node.get_parameter(leaf.name).value for leaf in leaves})
    if any(leaf.dynamic for leaf in leaves):
        _watch(node, config_class, leaves, on_change)
    return config


def read_dataclass(node: Node, config_class: type[Config], *, prefix: str = '') -> Config:
    """Return the configuration from the current values of parameters that :func:`declare_dataclass` declared.

    :raises ConfigError: when the values contradict each other.
    """
    leaves = list(_leaves(config_class, prefix, None))
    return _build(config_class, leaves, {leaf.name: node.get_parameter(leaf.name).value for leaf in leaves})


def parameter_rows(config_class: type, *, prefix: str = '', defaults: Any = None) -> list[ParameterRow]:
    """Return the parameter table of a dataclass, one row per parameter in the order of its fields."""
    rows = []
    for leaf in _leaves(config_class, prefix, defaults):
        default = list(leaf.default) if leaf.is_array else leaf.default
        text = repr(str(default)) if leaf.item_type in (str, Path) and not leaf.is_array else str(default)
        kind = _TYPE_NAMES[leaf.item_type] + ('[]' if leaf.is_array else '')
        rows.append(ParameterRow(leaf.name, kind, text, _limits_text(leaf), leaf.dynamic,
                                 str(leaf.metadata.get('description', ''))))
    return rows


def _leaves(
    config_class: type, prefix: str, defaults: Any, path: tuple[str, ...] = (),
) -> Iterator[_Leaf]:
    """Walk the fields of a dataclass depth first."""
    hints = typing.get_type_hints(config_class)
    for field in dataclasses.fields(config_class):
        hint, where = hints[field.name], (*path, field.name)
        default = _default(field) if defaults is None else getattr(defaults, field.name)
        if dataclasses.is_dataclass(hint):
            below = prefix if field.metadata.get('flat') else f'{prefix}{field.name}.'
            yield from _leaves(typing.cast(type, hint), below, default, where)
            continue
        item_type, is_array = _item_type(hint, config_class, field.name)
        yield _Leaf(prefix + field.name, where, item_type, is_array, default, field.metadata)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise TypeError(f'field {field.name!r} needs a default to become a ROS parameter')


def _item_type(hint: Any, config_class: type, name: str) -> tuple[type, bool]:
    """Return the type of the value, or of the items of a tuple, and whether it is a tuple."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return type(arguments[0]), False
    items = {a for a in arguments if a is not Ellipsis}
    if origin is tuple and len(items) == 1 and items <= _ARRAYS.keys():
        return items.pop(), True
    if isinstance(hint, type) and not isinstance(hint, types.GenericAlias) and hint in _SCALARS:
        return hint, False
    raise TypeError(f'{config_class.__name__}.{name}: a {hint} cannot be a ROS parameter')


def _declare(node: Node, leaf: _Leaf) -> None:
    try:
        node.declare_parameter(leaf.name, leaf.to_ros(), _descriptor(leaf))
    except InvalidParameterTypeException as error:
        hint = ' (write a decimal point: 25.0, not 25)' if leaf.item_type is float else ''
        kind = _TYPE_NAMES[leaf.item_type] + (' list' if leaf.is_array else '')
        raise ConfigError(f'parameter {leaf.name!r} must be a {kind}{hint}; {error}') from error
    except InvalidParameterValueException as error:
        raise ConfigError(f'parameter {leaf.name!r} must be {_limits_text(leaf)}; {error}') from error


def _descriptor(leaf: _Leaf) -> ParameterDescriptor:
    """Return the descriptor that ``ros2 param describe`` shows and rclpy enforces."""
    meta = leaf.metadata
    descriptor = ParameterDescriptor(
        name=leaf.name, type=leaf.type.value, description=str(meta.get('description', '')), read_only=not leaf.dynamic)
    if 'choices' in meta:
        descriptor.additional_constraints = _limits_text(leaf)
    if leaf.is_array or not ('min' in meta or 'max' in meta):
        return descriptor
    if leaf.item_type is float:
        largest = sys.float_info.max
        descriptor.floating_point_range = [FloatingPointRange(
            from_value=float(meta.get('min', -largest)), to_value=float(meta.get('max', largest)), step=0.0)]
    elif leaf.item_type is int:
        largest_int = 2 ** 63 - 1
        descriptor.integer_range = [IntegerRange(
            from_value=int(meta.get('min', -largest_int)), to_value=int(meta.get('max', largest_int)), step=1)]
    return descriptor


def _limits_text(leaf: _Leaf) -> str:
    meta = leaf.metadata
    if 'choices' in meta:
        return 'one of ' + ', '.join(str(c) for c in meta['choices'])
    if 'min' in meta and 'max' in meta:
        return f'between {meta["min"]} and {meta["max"]}'
    if 'min' in meta:
        return f'at least {meta["min"]}'
    return f'at most {meta["max"]}' if 'max' in meta else ''


def _check(leaf: _Leaf, value: Any) -> None:
    """Check what rclpy's descriptors do not: choices, NaN, and the items of lists."""
    meta = leaf.metadata
    for item in value if leaf.is_array else (value,):
        if 'choices' in meta and item not in meta['choices']:
            raise ConfigError(f'parameter {leaf.name!r} must be {_limits_text(leaf)}, not {item!r}')
        low, high = meta.get('min', -math.inf), meta.get('max', math.inf)
        if ('min' in meta or 'max' in meta) and not low <= item <= high:
            raise ConfigError(f'parameter {leaf.name!r} must be {_limits_text(leaf)}, not {item!r}')


def _build(config_class: type[Config], leaves: list[_Leaf], values: dict[str, Any], depth: int = 0) -> Config:
    """Make the (nested) dataclass from parameter values by full name."""
    arguments: dict[str, Any] = {}
    hints = typing.get_type_hints(config_class)
    for field in dataclasses.fields(typing.cast(Any, config_class)):
        mine = [leaf for leaf in leaves if leaf.path[depth] == field.name]
        if dataclasses.is_dataclass(hints[field.name]):
            arguments[field.name] = _build(hints[field.name], mine, values, depth + 1)
        else:
            leaf = mine[0]
            value = leaf.from_ros(values[leaf.name])
            _check(leaf, value)
            arguments[field.name] = value
    return config_class(**arguments)


def _watch(
    node: Node, config_class: type[Config], leaves: list[_Leaf], on_change: Callable[[Config], None] | None,
) -> None:
    """Refuse changes that would make the configuration invalid; tell ``on_change`` about the others."""
    by_name = {leaf.name: leaf for leaf in leaves}

    def candidate(changes: list[Parameter]) -> Config:
        values = {name: node.get_parameter(name).value for name in by_name}
        values.update({p.name: p.value for p in changes if p.name in by_name})
        return _build(config_class, leaves, values)

    def validate(changes: list[Parameter]) -> SetParametersResult:
        if not any(p.name in by_name for p in changes):
            return SetParametersResult(successful=True)
        try:
            config = candidate(changes)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if on_change is not None and not told_afterwards:
            on_change(config)
        return SetParametersResult(successful=True)

    def tell(changes: list[Parameter]) -> None:
        if on_change is not None and any(p.name in by_name for p in changes):
            on_change(candidate([]))

    # Humble has no call-back after the change; there the validated candidate is handed on before it is stored.
    told_afterwards = hasattr(node, 'add_post_set_parameters_callback')
    node.add_on_set_parameters_callback(validate)
    if told_afterwards:
        node.add_post_set_parameters_callback(tell)
