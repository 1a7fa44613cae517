"""Child processes that never outlive this one, stopped the way a ROS node expects."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO

import poco_ros
from poco_ros.errors import PocoError
from poco_ros.graph import NodeSpec, package_prefix

_PR_SET_PDEATHSIG = 1
#: Begins a program given by -c: the folder it runs in is no place to import from. (PYTHONSAFEPATH needs Python 3.11.)
NOT_FROM_HERE = 'import sys; sys.path = [folder for folder in sys.path if folder]; '
#: As the installed programs do, which need not be on anybody's path.
_OWN_PROGRAM = NOT_FROM_HERE + 'from poco_ros.nodes.{} import main; raise SystemExit(main())'
#: What a child gets, one after the other, and how many seconds it has before the next.
_STOPPING = ((signal.SIGINT, 5.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0))


def program(spec: NodeSpec, environ: Mapping[str, str]) -> list[str] | None:
    """Return the command that runs a node: our own with this Python, others from where their package is installed.

    :param environ: environment whose ``AMENT_PREFIX_PATH`` is searched.
    :returns: None when the node's package is not installed.
    """
    if spec.package == 'poco_ros':
        return [sys.executable, '-c', _OWN_PROGRAM.format(spec.executable), *spec.command_line()]
    prefix = package_prefix(spec.package, environ)
    return None if prefix is None else [str(prefix / 'lib' / spec.package / spec.executable), *spec.command_line()]


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return ``environ`` extended so that a child's Python finds this very ``poco_ros``, whatever its folder holds."""
    child = {**environ, 'PYTHONSAFEPATH': '1', 'PYTHONUNBUFFERED': '1'}
    home = Path(poco_ros.__file__).absolute().parents[1]
    if home.name not in ('site-packages', 'dist-packages'):
        child['PYTHONPATH'] = os.pathsep.join([str(home), *filter(None, [environ.get('PYTHONPATH')])])
    return child


@dataclass(frozen=True)
class Child:
    """A started process.

    :param name: for messages.
    :param process: the process; leader of a process group of its own.
    """

    name: str
    process: subprocess.Popen[bytes]

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def is_running(self) -> bool:
        """Return whether the process has not ended."""
        return self.exit_code is None


class Children:
    """A context in which processes are started; leaving it stops them all, however it is left.

    Each gets its own process group, so that Ctrl-C in a terminal reaches this process alone, and each child once.

    :param environ: the environment of the children.
    :param output: where they write; None lets them write to this process's terminal.
    """

    def __init__(self, environ: Mapping[str, str], output: IO[bytes] | None = None) -> None:
        self._environ = child_environment(environ)
        self._output = output
        self._children: list[Child] = []

    def start(self, name: str, command: list[str]) -> Child:
        """Start a process.

        :raises PocoError: when it cannot be started.
        """
        at_birth = _die_with_parent() if sys.platform == 'linux' else None
        try:
            process = subprocess.Popen(
                command, env=self._environ, stdin=subprocess.DEVNULL, stdout=self._output,
                stderr=subprocess.STDOUT if self._output else None, start_new_session=True, preexec_fn=at_birth,
            )
        except OSError as error:
            raise PocoError(f'{name} cannot be started: {command[0]}: {error.strerror}') from error
        child = Child(name, process)
        self._children.append(child)
        return child

    def ended(self) -> list[Child]:
        """Return the children that run no more, in the order they were started."""
        return [child for child in self._children if child.exit_code is not None]

    def running(self) -> list[Child]:
        """Return the children that run, in the order they were started."""
        return [child for child in self._children if child.is_running()]

    def stop(self) -> None:
        """End all children: interrupt, then terminate, then kill. Ctrl-C meanwhile goes to the next step at once."""
        for sign, seconds in _STOPPING:
            for child in self.running():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.process.pid, sign)
            with contextlib.suppress(KeyboardInterrupt):
                deadline = time.monotonic() + seconds
                while self.running() and time.monotonic() < deadline:
                    time.sleep(0.02)
        for child in self._children:  # what a node itself started and left behind
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signal.SIGKILL)

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        self.stop()


def _die_with_parent() -> Callable[[], None]:
    """Return what a child calls before its program starts: the kernel terminates it when this process is gone.

    It must do no more than call the kernel, for it runs between fork and exec, perhaps of a process with threads.
    """
    libc, parent = ctypes.CDLL(None), os.getpid()

    def at_birth() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return at_birth


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Make termination and a closed terminal end the block as Ctrl-C does, by ``KeyboardInterrupt``."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signals = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
