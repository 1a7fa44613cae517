"""What is kept of each person of a benchmark: errors and uncertainties, not the bodies, which would be gigabytes."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.errors import DatasetError
from poco_ros.evaluation.uncertainty import Errors
from poco_ros.whole_files import written_whole

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """N persons; NaN throughout where the regressor gave no body.

    :param sigma: (N, 24).
    :param uncertainty: (N,).
    :param rotation: (N, 24) as :class:`~poco_ros.evaluation.uncertainty.Errors`; NaN where no true pose is known.
    :param joint_mm: (N, 24) likewise.
    :param pve_mm: (N,).
    :param mpjpe_mm: (N,).
    :param pa_mpjpe_mm: (N,).
    """

    sigma: Array
    uncertainty: Array
    rotation: Array
    joint_mm: Array
    pve_mm: Array
    mpjpe_mm: Array
    pa_mpjpe_mm: Array

    def __len__(self) -> int:
        return len(self.uncertainty)

    @property
    def errors(self) -> Errors:
        """The errors among it."""
        return Errors(self.rotation, self.joint_mm, self.pve_mm, self.mpjpe_mm, self.pa_mpjpe_mm)

    @staticmethod
    def join(parts: Sequence[Outcome]) -> Outcome:
        """Return several, one after the other."""
        names = [field.name for field in dataclasses.fields(Outcome)]
        return Outcome(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def save(self, path: Path) -> None:
        """Write an npz, whole or not at all.

        :raises DatasetError: when it cannot be written.
        """
        try:
            with written_whole(path) as temporary, temporary.open('wb') as file:
                np.savez(file, **vars(self))
        except OSError as error:
            raise DatasetError(f'{path} cannot be written: {error.strerror or error}') from error

    @staticmethod
    def load(path: Path) -> Outcome:
        """Read what :meth:`save` wrote.

        :raises DatasetError: when it is no such file.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays: dict[str, Any] = {field.name: file[field.name] for field in dataclasses.fields(Outcome)}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DatasetError(f'{path} cannot be read: {error}') from error
        return Outcome(**arrays)
