"""Recordings of rosbag2 that hold bodies: read, and written again with one topic more. Neither needs a running ROS.

The library ``rosbags`` reads and writes the files; it is an optional part. Messages are decoded by the definitions of
this package, so a recording of another version of them is refused instead of misread.
"""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from poco_ros.environment import share_dir
from poco_ros.errors import PocoError
from poco_ros.types import Bodies

TYPE, _BODY = 'poco_ros/msg/SmplBodyArray', 'poco_ros/msg/SmplBody'
_MEND = 'pip install "rosbags>=0.11"'
#: Of metadata.yaml; every release since Iron reads it.
_VERSION: Final = 8
_FIELDS = tuple(field.name for field in dataclasses.fields(Bodies))


class BodyBag:
    """One topic of bodies in a recording.

    :param path: folder of a recording, or a single ``.mcap`` or ``.db3`` file.
    :param topic: whose messages are read.
    :raises PocoError: when ``rosbags`` is missing, the recording cannot be read, or the topic is not in it, has no
        messages, or is of another type or version.
    """

    def __init__(self, path: Path, topic: str) -> None:
        from_rosbags()
        self.path, self.topic = path, topic
        with _readable(path), _reader(path) as reader:
            self._connections = list(reader.connections)
        self._source = [c for c in self._connections if c.topic == topic]
        self._check()

    def _check(self) -> None:
        if not self._source:
            others = sorted({c.topic for c in self._connections if c.msgtype == TYPE})
            hint = f'choose one of {", ".join(others)}' if others else f'it has none of the type {TYPE}'
            raise PocoError(f'{self.path} has no topic {self.topic}: {hint}')
        for connection in self._source:
            if connection.msgtype != TYPE:
                raise PocoError(f'{self.path}: {self.topic} is of the type {connection.msgtype}, not {TYPE}')
            digest = _digest(connection)
            if digest and digest != types().hash_rihs01(TYPE):
                raise PocoError(f'{self.path}: {self.topic} was recorded with another version of {TYPE}; '
                                'take the poco_ros that it was recorded with')
        if not sum(c.msgcount for c in self._source):
            raise PocoError(f'{self.path}: nothing was recorded on {self.topic}')

    def messages(self) -> Iterator[tuple[int, Any]]:
        """Give when each message was recorded, in nanoseconds, and the message.

        :raises PocoError: when the recording is damaged.
        """
        with _readable(self.path):
            for _, time_ns, data in self._raw(self._source):
                yield time_ns, types().deserialize_cdr(data, TYPE)

    def _raw(self, connections: Sequence[Any]) -> Iterator[tuple[int, int, bytes]]:
        """Give the id of the connection, the time and the bytes of each message."""
        with _readable(self.path), _reader(self.path) as reader:
            for connection, time_ns, data in reader.messages(connections):
                yield connection.id, time_ns, data

    def write_with(self, target: Path, topic: str, changes: Iterable[Callable[[Any], Any]]) -> list[str]:
        """Write the recording once more, with one topic added.

        :param target: folder to create; with files of the same format as those of the recording.
        :param topic: to add: each message of :meth:`messages`, changed, at the time at which that was recorded.
        :param changes: one for each message: what turns it into the one to write.
        :returns: topics that are not copied: recordings from before ROS 2 Iron do not say what their messages are, and
            these are of no common type.
        :raises PocoError: when the topic is in the recording already, or the target cannot be written.
        """
        from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

        if any(connection.topic == topic for connection in self._connections):
            raise PocoError(f'{self.path} has a topic {topic} already: name another one to add')
        files = [self.path] if self.path.is_file() else self.path.iterdir()
        plugin = StoragePlugin.MCAP if any('.mcap' in file.suffixes for file in files) else StoragePlugin.SQLITE3
        try:
            writer = Writer(target, version=_VERSION, storage_plugin=plugin)
            with _whole(target), writer:
                return self._copy(writer, topic, changes)
        except WriterError as error:
            raise PocoError(f'cannot write {target}: {error}') from error
        except OSError as error:
            raise PocoError(f'cannot write {target}: {error.strerror}') from error

    def _copy(self, writer: Any, topic: str, changes: Iterable[Callable[[Any], Any]]) -> list[str]:
        copied = [connection for connection in self._connections if _definition(connection)]
        targets = {connection.id: _add(writer, connection, connection.topic) for connection in copied}
        added = _add(writer, self._source[0], topic)
        merged = heapq.merge(
            ((time_ns, targets[number], data) for number, time_ns, data in self._raw(copied)),
            ((time_ns, added, types().serialize_cdr(change(message), TYPE))
             for (time_ns, message), change in zip(self.messages(), changes, strict=True)), key=lambda item: item[0])
        for time_ns, connection, data in merged:
            writer.write(connection, time_ns, data)
        return sorted({connection.topic for connection in self._connections if connection.id not in targets})


def bodies_of(message: Any) -> Bodies:
    """Return the bodies of a message."""
    bodies = Bodies.unknown(len(message.bodies))
    for name in _FIELDS:
        column = getattr(bodies, name)
        for i, body in enumerate(message.bodies):
            column[i] = np.reshape(getattr(body, name), column[i].shape)
    return bodies


def with_bodies(message: Any, bodies: Bodies, **changed: Any) -> Any:
    """Return a message with other bodies, some other fields changed, and all else as it is."""
    make = types().types[_BODY]

    def field(name: str, row: int) -> Any:
        value = getattr(bodies, name)[row]
        return value.ravel() if value.ndim else value.item()

    rows = [make(**{name: field(name, row) for name in _FIELDS}) for row in range(len(bodies))]
    return dataclasses.replace(message, bodies=rows, **changed)


def from_rosbags() -> Any:
    """Return the module that reads recordings.

    :raises PocoError: when it is not installed.
    """
    try:
        import rosbags.rosbag2
    except ImportError as error:
        raise PocoError(f'reading and writing bags needs rosbags ({error}): {_MEND}') from error
    return rosbags.rosbag2


@lru_cache(maxsize=1)
def types() -> Any:
    """Return the definitions of the common messages and of those of this package."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    own: dict[str, Any] = {}
    for path in sorted((share_dir() / 'msg').glob('*.msg')):
        own.update(get_types_from_msg(path.read_text(encoding='utf-8'), f'poco_ros/msg/{path.stem}'))
    store.register(own)
    return store


def _reader(path: Path) -> Any:
    return from_rosbags().Reader(path)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say of anything that goes wrong inside that the recording cannot be read."""
    try:
        yield
    except PocoError:
        raise
    except FileNotFoundError as error:
        raise PocoError(f'{path} is no recording: there is no such file, or no metadata.yaml in the folder') from error
    except Exception as error:  # a damaged file breaks the library wherever the damage lies
        raise PocoError(f'cannot read {path}: {error or type(error).__name__}; where a recorder was cut off, '
                        '"ros2 bag reindex" or "mcap recover" may save the rest') from error


@contextlib.contextmanager
def _whole(folder: Path) -> Iterator[None]:
    """Leave no folder behind that was written in part."""
    existed = folder.exists()
    try:
        yield
    except BaseException:
        if not existed:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _digest(connection: Any) -> str:
    """Return the hash of a connection's type, or '' where the recording does not tell."""
    definition = connection.msgdef
    if connection.digest or not definition.data:
        return str(connection.digest)
    from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

    store = get_typestore(Stores.EMPTY)
    if definition.format.name == 'MSG':
        store.register(get_types_from_msg(definition.data, connection.msgtype))
    else:
        store.register(get_types_from_idl(definition.data))
    return str(store.hash_rihs01(connection.msgtype))


def _definition(connection: Any) -> tuple[str, str] | None:
    """Return text and hash of a connection's type; None where neither the recording nor this package knows it."""
    if connection.msgdef.data:
        return connection.msgdef.data, _digest(connection)
    if connection.msgtype not in types().fielddefs:
        return None
    return types().generate_msgdef(connection.msgtype, ros_version=2)[0], types().hash_rihs01(connection.msgtype)


def _add(writer: Any, source: Any, topic: str) -> Any:
    """Add a topic like another one to what is written."""
    text, digest = _definition(source) or ('', '')
    return writer.add_connection(
        topic, source.msgtype, msgdef=text, rihs01=digest, serialization_format=source.ext.serialization_format,
        offered_qos_profiles=source.ext.offered_qos_profiles)
