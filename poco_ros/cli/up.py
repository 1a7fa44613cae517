"""``poco up``: the graph of the launch file, started without launch."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from types import ModuleType

from poco_ros.cli.processes import Child, Children, interruptible, program
from poco_ros.environment import prepare
from poco_ros.errors import PocoError
from poco_ros.graph import GraphOptions, NodeSpec, describe

log = logging.getLogger(__name__)


def start_nodes(specs: list[NodeSpec], children: Children, say: Callable[[str], None]) -> dict[str, Child]:
    """Start the process of every node; nodes of packages that are not installed are left out, with a word.

    :returns: the started processes by full node name.
    """
    started = {}
    for spec in specs:
        command = program(spec, os.environ)
        if command is None:
            say(f'{spec.name} is not started: the package {spec.package} is not installed; everything else runs')
        else:
            started[spec.full_name] = children.start(spec.name, command)
    return started


def run_graph(options: GraphOptions, say: Callable[[str], None]) -> int:
    """Start the graph, bring it to ACTIVE and keep it until Ctrl-C.

    :param say: told in a line what happens.
    :returns: exit code: 0 after Ctrl-C or when all nodes have ended well, 1 when one died.
    :raises PocoError: when a node cannot be brought up.
    """
    specs = describe(options)
    prepare()
    with interruptible():
        try:
            with Children(os.environ) as children:
                started = start_nodes(specs, children, say)
                _activate([spec for spec in specs if spec.lifecycle], started, say)
                say('running; Ctrl-C stops')
                return _watch(children, say)
        except KeyboardInterrupt:
            say('stopped')
            return 0


def ros_parts() -> tuple[ModuleType, ModuleType]:
    """Return the modules :mod:`poco_ros.cli.lifecycle` and :mod:`poco_ros.cli.listener`, which need ROS.

    :raises PocoError: when ROS, or the messages of this package, are not there.
    """
    try:
        from poco_ros.cli import lifecycle, listener
    except ImportError as error:
        raise PocoError(f"ROS 2 is not complete ({error}); 'poco doctor' says how to mend it") from error
    return lifecycle, listener


def _activate(specs: list[NodeSpec], started: dict[str, Child], say: Callable[[str], None]) -> None:
    lifecycle, _ = ros_parts()
    with lifecycle.ros_node(f'poco_up_{os.getpid()}') as node:
        bringup = lifecycle.Bringup(node, lifecycle.DiagnosticsWatch(node), say)
        for spec in specs:
            bringup.to_active(spec, started[spec.full_name].is_running)
            say(f'{spec.full_name} is active')


def _watch(children: Children, say: Callable[[str], None]) -> int:
    told: set[str] = set()
    while children.running():
        for child in children.ended():
            if child.exit_code:
                say(f'{child.name} died with exit code {child.exit_code}; stopping the others')
                return 1
            if child.name not in told:
                say(f'{child.name} has ended')
                told.add(child.name)
        time.sleep(0.2)
    return 1 if any(child.exit_code for child in children.ended()) else 0
