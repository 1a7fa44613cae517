"""Which calibration a node uses: the one beside its network, one that is named, or none."""

from __future__ import annotations

from pathlib import Path

from poco_ros.calibration.calibrator import Calibrator
from poco_ros.calibration.file import CALIBRATION_FILE, read_calibration
from poco_ros.calibration.model import Calibration, MadeFor, check_made_for
from poco_ros.errors import CalibrationError

AUTO, NONE = 'auto', 'none'


def choose_calibrator(
    setting: str, coverage: float, folder: Path | None, running: MadeFor,
) -> tuple[Calibrator | None, str]:
    """Load the calibration that a setting stands for.

    :param setting: 'auto': ``calibration.json`` in the network's folder, if it is there; 'none'; or the path of a file.
    :param coverage: of the radii.
    :param folder: of the network; None where it has none.
    :param running: what runs.
    :returns: the calibration, or None; and why one that is there beside the network was refused, else ''.
    :raises CalibrationError: when a file that is named cannot be used; with 'auto' the network runs without.
    """
    if setting == NONE:
        return None, ''
    if setting != AUTO:
        return load_calibrator(Path(setting).expanduser(), coverage, running), ''
    path = None if folder is None else folder / CALIBRATION_FILE
    if path is None or not path.exists():
        return None, ''
    try:
        return load_calibrator(path, coverage, running), ''
    except CalibrationError as error:
        return None, f'uncalibrated, because the calibration beside the network was refused: {error}'


def load_calibrator(path: Path, coverage: float, running: MadeFor) -> Calibrator:
    """Load a calibration for what runs.

    :raises CalibrationError: the file is missing, broken, for something else, or has no radii of that coverage.
    """
    return Calibrator(load_calibration(path, running), coverage)


def load_calibration(path: Path, running: MadeFor) -> Calibration:
    """Read a calibration of what runs.

    :raises CalibrationError: the file is missing, broken, or for something else.
    """
    calibration = read_calibration(path)
    check_made_for(calibration, running, str(path))
    return calibration
