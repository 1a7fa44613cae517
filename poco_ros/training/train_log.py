"""The log of a training: ``log.csv``, one row every so many steps, and the same for TensorBoard."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from tensorboardX import SummaryWriter

from poco_ros.errors import TrainingError
from poco_ros.training.validation import COLUMNS as VALIDATION_COLUMNS
from poco_ros.whole_files import written_whole

LOG_FILE = 'log.csv'
TERMS = ('pose', 'turn', 'betas', 'kp3d', 'kp2d', 'shape', 'cam', 'nf')
COLUMNS = ('step', 'stage', 'lr', 'total', *TERMS, 'gradient', *VALIDATION_COLUMNS)


class TrainLog:
    """Rows go to disk at once. Rows behind the step from which a training goes on are removed: they come again."""

    def __init__(self, folder: Path, step: int) -> None:
        """Open the log.

        :param folder: of ``log.csv``; TensorBoard's files lie in ``tensorboard`` in it.
        :param step: steps done; 0 for a new log.
        :raises TrainingError: when it cannot be written.
        """
        path = folder / LOG_FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            rows = _rows_until(path, step) if step else []
            with written_whole(path) as temporary, temporary.open('w', newline='', encoding='utf-8') as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows)
            self._file = path.open('a', newline='', encoding='utf-8')
        except OSError as error:
            raise TrainingError(f'the log {path} cannot be written: {error.strerror}') from error
        self._board = SummaryWriter(str(folder / 'tensorboard'), purge_step=step + 1)

    def write(self, row: Mapping[str, float]) -> None:
        """Append a row.

        :param row: values of some ``COLUMNS``, 'step' among them; the others stay empty.
        """
        shown = {name: value for name, value in row.items() if not math.isnan(value)}
        csv.DictWriter(self._file, COLUMNS).writerow({name: f'{value:.7g}' for name, value in shown.items()})
        self._file.flush()
        for name, value in shown.items():
            if name != 'step':
                self._board.add_scalar(name.replace('val_', 'validation/'), value, int(row['step']))

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        self._board.close()


def _rows_until(path: Path, step: int) -> list[dict[str, str]]:
    """The rows of a log up to a step; a log that is gone or was cut off by a crash is no reason to stop."""
    if not path.is_file():
        return []
    rows = []
    with path.open(newline='', encoding='utf-8') as file:
        for row in csv.DictReader(file):
            if set(row) != set(COLUMNS) or not (row['step'] or '').isdigit() or int(row['step']) > step:
                break
            rows.append(row)
    return rows
