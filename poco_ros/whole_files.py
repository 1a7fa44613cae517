"""Files as wholes: written completely or not at all, and told apart by their hash."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a file beside ``path`` to fill, which takes its place when the context ends without an exception.

    :raises OSError: when it cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    temporary = Path(name)
    try:
        with os.fdopen(handle, 'rb') as file:
            yield temporary
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """Return the hash of a file's bytes, lower-case hexadecimal.

    :raises OSError: when it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
