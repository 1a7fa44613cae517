"""Runs one node as a program: environment, start, spinning, and an orderly end."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Sequence
from typing import TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.task import Future

from poco_ros.allocator import keep_large_blocks
from poco_ros.environment import prepare
from poco_ros.errors import PocoError

#: Exit status when the node cannot even start, as of a command called wrongly.
WRONG_USE = 2
#: Exit status when the node has to give up while it runs.
GAVE_UP = 1
#: The longest that an interrupt can go unnoticed, in seconds: one that comes between two waits of rclpy's executor does
#: not always wake it.
_SPIN_TURN = 0.5

AnyNode = TypeVar('AnyNode', bound=Node)


def run_node(
    make_node: Callable[[], AnyNode], args: Sequence[str] | None = None,
    finished: Callable[[AnyNode], Future] | None = None,
) -> int:
    """Run a node until it is finished, interrupted, or the context is shut down.

    :param make_node: called after ``rclpy.init``; an error of ours is logged without a traceback.
    :param args: command line; None takes that of the process.
    :param finished: gives the future that ends the run, and whose error is the node's.
    :returns: exit status: 0 after the end or an interrupt, 2 when the node could not be made, 1 when it gave up.
    """
    prepare()
    keep_large_blocks()
    logging.basicConfig(level=logging.WARNING)  # the core logs through logging
    node: AnyNode | None = None
    try:
        try:
            rclpy.init(args=list(args) if args is not None else None)
            node = make_node()
            _spin(node, finished(node) if finished else Future())
        except PocoError as error:
            logger = get_logger('poco_ros') if node is None else node.get_logger()
            logger.fatal(str(error))
            return WRONG_USE if node is None else GAVE_UP
        except Exception:
            if rclpy.ok():
                raise
            # An interrupt took the context away in the middle of something; that this failed then is no news.
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # Python learns of an interrupt late: it may come while an error is handled that it has caused
    finally:
        # An interrupt often comes twice, from the terminal and from launch; the second must not break the orderly end.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _spin(node: Node, finished: Future) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while rclpy.ok() and not finished.done():
            executor.spin_until_future_complete(finished, timeout_sec=_SPIN_TURN)
    finally:
        executor.shutdown(timeout_sec=1.0)  # one that Python collects after the context is gone complains
    if finished.done():
        finished.result()
