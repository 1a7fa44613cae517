"""Command-line options made from the launch arguments, so that both have the same names, defaults and texts."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from poco_ros.graph import GraphOptions


def with_graph_options(command: Callable[[GraphOptions], None]) -> Callable[..., None]:
    """Return ``command`` as a typer command that has one option per field of :class:`GraphOptions`."""

    def run(**values: Any) -> None:
        command(GraphOptions(**values))

    parameters = [_parameter(item) for item in dataclasses.fields(GraphOptions)]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameter(item: dataclasses.Field[Any]) -> inspect.Parameter:
    flag = item.name.replace('_', '-')
    is_switch = isinstance(item.default, bool)
    names = [f'--{flag}/--no-{flag}'] if is_switch else [f'--{flag}']
    choices = [choice for choice in item.metadata['choices'] if choice]
    option = typer.Option(
        *names, help=item.metadata['description'], show_default=bool(item.default) or is_switch,
        metavar='|'.join(choices) or None,
    )
    annotation: Any = Annotated[type(item.default), option]
    return inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=item.default, annotation=annotation)
