"""``calibration.json``: a calibration as a file, whole or not at all, told from every other by its hash."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.calibration.domain import DomainDetector
from poco_ros.calibration.error_network import ErrorNetwork, shapes_of
from poco_ros.calibration.expected_error import ExpectedError
from poco_ros.calibration.isotonic import Curve
from poco_ros.calibration.model import Calibration, CalibrationData, MadeFor
from poco_ros.calibration.scores import COLUMNS, GROUPS
from poco_ros.errors import CalibrationError
from poco_ros.whole_files import written_whole

FORMAT = 2
CALIBRATION_FILE = 'calibration.json'

_MEND = 'make a new one with "poco calibrate"'
_ID = 'calibration_id'
#: Names of the arrays of a detector; they, and those of an error network, are base64 of little-endian float32.
_PACKED = ('mean', 'scale', 'components', 'variance')


def write_calibration(calibration: Calibration, path: Path) -> Calibration:
    """Write a calibration: whole, or not at all.

    :returns: it as it will be read: rounded, with its ``calibration_id``.
    :raises CalibrationError: when the file cannot be written.
    """
    plain = _to_plain(calibration)
    plain[_ID] = _hash(plain)
    try:
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(plain, indent=1, sort_keys=True, allow_nan=False) + '\n', encoding='utf-8')
    except OSError as error:
        raise CalibrationError(f'{path} cannot be written: {error.strerror}') from error
    return read_calibration(path)


def read_calibration(path: Path) -> Calibration:
    """Read a calibration.

    :raises CalibrationError: the file is missing, is no calibration, of another format, or was changed since it was
        written; names the file and the mend.
    """
    try:
        plain = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise CalibrationError(f'{path} cannot be read: {error.strerror}; {_MEND}') from error
    except ValueError as error:
        raise CalibrationError(f'{path} is not JSON ({error}); {_MEND}') from error
    found = plain.get('format') if isinstance(plain, dict) else None
    if found != FORMAT:
        raise CalibrationError(f'{path} has the format {found!r}, this version reads {FORMAT}; {_MEND}')
    stated = plain.pop(_ID, None)
    if stated != _hash(plain):
        raise CalibrationError(f'{path} was changed after it was written: its calibration_id is that of other numbers; '
                               f'{_MEND}')
    try:
        return dataclasses.replace(_from_plain(plain), calibration_id=stated)
    except KeyError as error:
        raise CalibrationError(f'{path} lacks {error}; {_MEND}') from error
    except (TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise CalibrationError(f'{path} is not a calibration ({error}); {_MEND}') from error


def _hash(plain: dict[str, Any]) -> str:
    """Return the sha256 of the content, however it is spaced."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(',', ':')).encode()).hexdigest()


def _to_plain(calibration: Calibration) -> dict[str, Any]:
    plain: dict[str, Any] = {field.name: getattr(calibration, field.name) for field in dataclasses.fields(Calibration)}
    del plain[_ID]
    return {
        **plain, 'format': FORMAT, 'made_for': dataclasses.asdict(calibration.made_for),
        'data': dataclasses.asdict(calibration.data), 'levels': list(calibration.levels),
        'error_network': None if calibration.error_network is None else _network_to_plain(calibration.error_network),
        'expected': {'score': _rounded(calibration.expected.x), 'error_mm': _rounded(calibration.expected.y)},
        'factor': _rounded(calibration.factor), 'body_factor': _rounded(calibration.body_factor),
        'confidence': {'body_error_mm': _rounded(calibration.confidence.x),
                       'probability': _rounded(calibration.confidence.y)},
        'distance_m': _rounded(np.array(calibration.distance_m)),
        'domain': None if calibration.domain is None else _domain_to_plain(calibration.domain),
        'measured': dict(calibration.measured),
    }


def _from_plain(plain: dict[str, Any]) -> Calibration:
    levels = tuple(float(level) for level in plain['levels'])
    if not levels or list(levels) != sorted(set(levels)) or not 0 < levels[0] <= levels[-1] < 1:
        raise ValueError(f'levels are {plain["levels"]}')
    x, y = (_array(plain['expected'][name], name, 3) for name in ('score', 'error_mm'))
    for name, values in (('score', x), ('error_mm', y)):
        _check(values.shape == (COLUMNS, len(GROUPS), x.shape[2]), f'expected.{name} is an array {values.shape}')
        _check((np.diff(values) >= 0).all() and values.min() >= 0, f'expected.{name} does not increase from 0')
    factor = _array(plain['factor'], 'factor', 3)
    body_factor = _array(plain['body_factor'], 'body_factor', 1)
    _check(factor.shape == (COLUMNS, len(GROUPS), len(levels)), f'factor is an array {factor.shape}')
    _check(body_factor.shape == (len(levels),), f'body_factor is an array {body_factor.shape}')
    _check(factor.min() >= 0 and body_factor.min() >= 0, 'a factor is negative')
    curve = Curve(_array(plain['confidence']['body_error_mm'], 'body_error_mm', 1),
                  _array(plain['confidence']['probability'], 'probability', 1))
    _check(len(curve.x) == len(curve.y) > 0 and (np.diff(curve.x) >= 0).all(), 'confidence is no curve')
    _check(curve.y.min() >= 0 and curve.y.max() <= 1, 'a probability is not in [0, 1]')
    near, far = _array(plain['distance_m'], 'distance_m', 1)
    measured = plain['measured']
    _check(isinstance(measured, dict), 'measured is no object')
    return Calibration(
        made_for=MadeFor(**{f.name: _text(plain['made_for'][f.name]) for f in dataclasses.fields(MadeFor)}),
        data=CalibrationData(**{
            f.name: _stated(plain['data'][f.name], f) for f in dataclasses.fields(CalibrationData)}),
        levels=levels, confidence_bound_mm=float(plain['confidence_bound_mm']),
        error_network=None if plain['error_network'] is None else _network_from_plain(plain['error_network']),
        expected=ExpectedError(x, y),
        factor=factor, body_factor=body_factor, confidence=curve, distance_m=(float(near), float(far)),
        domain=None if plain['domain'] is None else _domain_from_plain(plain['domain']),
        coverage_statement=_text(plain['coverage_statement']), measured=measured)


def _domain_to_plain(domain: DomainDetector) -> dict[str, Any]:
    plain: dict[str, Any] = {name: float(f'{getattr(domain, name):.7g}') for name in (
        'rest_variance', 'threshold', 'share_inside')}
    for name in _PACKED:
        plain[name] = _packed(getattr(domain, name))
    return {**plain, 'num_features': len(domain.mean), 'num_components': len(domain.variance)}


def _domain_from_plain(plain: dict[str, Any]) -> DomainDetector:
    features, components = int(plain['num_features']), int(plain['num_components'])
    shapes = {
        'mean': (features,), 'scale': (features,), 'components': (features, components), 'variance': (components,)}
    arrays = {name: _unpacked(plain[name], shape, f'domain.{name}') for name, shape in shapes.items()}
    _check(arrays['scale'].min() > 0 and arrays['variance'].min() > 0 < plain['rest_variance'],
           'a variance of the domain is not positive')
    return DomainDetector(**arrays, rest_variance=float(plain['rest_variance']), threshold=float(plain['threshold']),
                          share_inside=float(plain['share_inside']))


def _network_to_plain(network: ErrorNetwork) -> dict[str, Any]:
    hidden = len(network.hidden_bias)
    return {'num_hidden': hidden, **{name: _packed(getattr(network, name)) for name in shapes_of(hidden)}}


def _network_from_plain(plain: dict[str, Any]) -> ErrorNetwork:
    shapes = shapes_of(int(plain['num_hidden']))
    arrays = {name: _unpacked(plain[name], shape, f'error_network.{name}') for name, shape in shapes.items()}
    _check(arrays['scale'].min() > 0, 'a scale of the error network is not positive')
    return ErrorNetwork(**arrays)


def _packed(values: npt.NDArray[np.floating]) -> str:
    return base64.b64encode(values.astype('<f4').tobytes()).decode('ascii')


def _unpacked(text: str, shape: tuple[int, ...], name: str) -> npt.NDArray[np.float64]:
    values = np.frombuffer(base64.b64decode(text, validate=True), '<f4').astype(np.float64).reshape(shape)
    _check(bool(np.isfinite(values).all()), f'{name} is not finite')
    return values


def _rounded(values: npt.NDArray[np.floating]) -> Any:
    """Return nested lists with seven digits: what a float32 has, and no more."""
    if values.ndim:
        return [_rounded(row) for row in values]
    return float(f'{float(values):.7g}')


def _array(plain: Any, name: str, ndim: int) -> npt.NDArray[np.float64]:
    values = np.array(plain, np.float64)
    _check(values.ndim == ndim and values.size > 0 and np.isfinite(values).all(), f'{name} is no array of numbers')
    return values


def _text(plain: Any) -> str:
    _check(isinstance(plain, str), f'{plain!r} is no text')
    return str(plain)


def _stated(plain: Any, field: dataclasses.Field[Any]) -> Any:
    kinds = {'int': (int,), 'float': (int, float), 'str': (str,)}[str(field.type)]
    _check(isinstance(plain, kinds) and not isinstance(plain, bool), f'data.{field.name} is {plain!r}')
    return plain


def _check(good: bool | np.bool_, problem: str) -> None:
    if not good:
        raise ValueError(problem)
