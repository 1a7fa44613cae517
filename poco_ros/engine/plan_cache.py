"""Built plans on disk: each with a record of what it was built from, in clear, and how long that took."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from poco_ros.engine.plan_key import PlanKey
from poco_ros.engine.plan_lock import locked
from poco_ros.people.model_files import models_folder
from poco_ros.whole_files import written_whole

_log = logging.getLogger(__name__)


def engines_folder() -> Path:
    """Return the folder of built plans: ``engines`` in ``$POCO_CACHE``, else in the user's cache; need not exist.

    :raises ModelFileError: when no home folder is known and no variable names one.
    """
    return models_folder().parent / 'engines'


class PlanCache:
    """The folder of plans. Nothing in it is needed: what is missing or broken is built again.

    :param folder: made where missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def lock(self, key: PlanKey, waiting: Callable[[], None]) -> Iterator[bool]:
        """Hold a plan alone while looking for it and building it; see :func:`~poco_ros.engine.plan_lock.locked`."""
        with locked(self.folder / f'{key.stem}.lock', waiting) as held:
            yield held

    def read(self, key: PlanKey) -> bytes | None:
        """Return a plan.

        :returns: None when there is none, or when it is not whole or not what its record says; the log tells which.
        """
        plan, sidecar = self._path(key, '.plan'), self._path(key, '.json')
        try:
            data = plan.read_bytes()
            stated = json.loads(sidecar.read_text(encoding='utf-8'))
            whole = stated['plan_sha256'] == hashlib.sha256(data).hexdigest() and stated['parts'] == dict(key.parts)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            _log.warning('the plan %s cannot be read and is built again: %s', plan, error)
            return None
        if not whole:
            _log.warning('the plan %s is not the one its record describes and is built again', plan)
            return None
        return data

    def write(self, key: PlanKey, plan: bytes, build_seconds: float) -> bool:
        """Keep a plan; afterwards it is there whole, or not at all.

        :returns: False when the folder cannot be written to; the log says so.
        """
        sidecar = {
            'model': key.model, 'key': key.sha256, 'parts': dict(key.parts),
            'plan_sha256': hashlib.sha256(plan).hexdigest(), 'build_seconds': round(build_seconds, 1),
            'made': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        }
        try:
            _write(self._path(key, '.plan'), plan)
            _write(self._path(key, '.json'), (json.dumps(sidecar, indent=1) + '\n').encode())
        except OSError as error:
            _log.warning('the plan cannot be kept in %s (%s): it will be built again at the next start; unlock or free '
                         'the disk, or set POCO_CACHE to another folder', self.folder, error.strerror)
            return False
        return True

    def read_timing(self, key: PlanKey) -> bytes:
        """Return what earlier builds on this platform learned about kernels; empty when nothing is there."""
        try:
            return (self.folder / f'{key.timing_stem}.cache').read_bytes()
        except OSError:
            return b''

    def write_timing(self, key: PlanKey, data: bytes) -> None:
        """Keep what a build learned, if the folder can be written to; without it the next build takes longer."""
        with contextlib.suppress(OSError):
            _write(self.folder / f'{key.timing_stem}.cache', data)

    def _path(self, key: PlanKey, ending: str) -> Path:
        return self.folder / f'{key.stem}{ending}'


def _write(path: Path, data: bytes) -> None:
    with written_whole(path) as temporary:
        temporary.write_bytes(data)
