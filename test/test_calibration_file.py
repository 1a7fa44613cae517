"""``calibration.json``: the same numbers back, its own hash, and everything wrong with it named."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from calibration_sequences import MADE_FOR, SOURCE, arrays, error_network, outcomes

from poco_ros.calibration.calibrator import Calibrator
from poco_ros.calibration.choose import choose_calibrator
from poco_ros.calibration.file import CALIBRATION_FILE, read_calibration, write_calibration
from poco_ros.calibration.fit import Learned, fit_calibration
from poco_ros.errors import CalibrationError
from poco_ros.types import Bodies


@pytest.fixture(scope='module')
def fitted():
    return fit_calibration(outcomes(np.random.default_rng(0), 90), SOURCE)


@pytest.fixture(scope='module')
def learned():
    """A calibration with an error network."""
    network, lessons = error_network(np.random.default_rng(7)), outcomes(np.random.default_rng(1), 60)
    return fit_calibration(outcomes(np.random.default_rng(0), 90), SOURCE,
                           learned=Learned(network, lessons, 'lessons', 'e' * 64, 'train'))


@pytest.fixture
def path(fitted, tmp_path):
    write_calibration(fitted, tmp_path / CALIBRATION_FILE)
    return tmp_path / CALIBRATION_FILE


@pytest.mark.parametrize('kind', ['fitted', 'learned'])
def test_what_is_read_says_what_was_written(kind, request, tmp_path):
    fitted, path = request.getfixturevalue(kind), tmp_path / CALIBRATION_FILE
    write_calibration(fitted, path)
    read = read_calibration(path)
    assert (read.error_network is None) == (kind == 'fitted')
    given = arrays(np.random.default_rng(1), 30, 1)
    bodies = dataclasses.replace(Bodies.unknown(30), joint_uncertainty=given['sigma'].astype(np.float32),
                                 joints=given['joints_m'].astype(np.float32))
    a, b = (Calibrator(c, 0.95).apply(bodies, given['seen'], given['features']) for c in (fitted, read))
    for name in ('joint_error_mm', 'joint_radius_mm', 'body_radius_mm', 'transl_radius_mm', 'confidence'):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=2e-5)
    np.testing.assert_array_equal(a.in_domain, b.in_domain)
    assert (read.made_for, read.data, read.coverage_statement) == (MADE_FOR, fitted.data, fitted.coverage_statement)


def test_the_id_is_the_hash_of_the_content_and_survives_reading_and_writing(path, tmp_path):
    plain = json.loads(path.read_text())
    stated = plain.pop('calibration_id')
    canonical = json.dumps(plain, sort_keys=True, separators=(',', ':')).encode()
    assert stated == hashlib.sha256(canonical).hexdigest()
    again = write_calibration(read_calibration(path), tmp_path / 'again.json')
    assert again.calibration_id == stated and (tmp_path / 'again.json').read_bytes() == path.read_bytes()


def rewritten(path, change):
    """Change the content and give it the hash that belongs to it."""
    plain = json.loads(path.read_text())
    del plain['calibration_id']
    change(plain)
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(',', ':')).encode()).hexdigest()
    path.write_text(json.dumps({**plain, 'calibration_id': digest}))


@pytest.mark.parametrize(('change', 'words'), [
    (lambda p: p.pop('factor'), "lacks 'factor'"),
    (lambda p: p['factor'].pop(), r'factor is an array \(24, 4, 3\)'),
    (lambda p: p.update(levels=[0.9, 0.5, 0.95]), 'levels are'),
    (lambda p: p['expected']['error_mm'][3].__setitem__(0, [9.0 - i for i in range(9)]), 'does not increase'),
    (lambda p: p['body_factor'].__setitem__(0, -1), 'negative'),
    (lambda p: p['confidence']['probability'].__setitem__(0, 1.5), r'not in \[0, 1\]'),
    (lambda p: p['data'].update(num_sequences='many'), 'num_sequences'),
    (lambda p: p['domain'].update(components='@@@'), 'is not a calibration'),
    (lambda p: p['domain'].update(num_features=13), 'is not a calibration'),
    (lambda p: p.update(made_for=3), 'is not a calibration'),
])
def test_broken_content_is_named(path, change, words):
    rewritten(path, change)
    with pytest.raises(CalibrationError, match=words) as error:
        read_calibration(path)
    assert str(path) in str(error.value) and 'poco calibrate' in str(error.value)


@pytest.mark.parametrize('change', [
    lambda p: p['error_network'].pop('bias'),
    lambda p: p['error_network'].update(num_hidden=17),
    lambda p: p['error_network'].update(scale=p['error_network']['mean']),  # some are negative
    lambda p: p['error_network'].update(weight='@@@'),
    lambda p: p.pop('error_network'),
])
def test_a_broken_error_network_is_named(learned, tmp_path, change):
    path = tmp_path / CALIBRATION_FILE
    write_calibration(learned, path)
    rewritten(path, change)
    with pytest.raises(CalibrationError, match='lacks|is not a calibration') as error:
        read_calibration(path)
    assert str(path) in str(error.value) and 'poco calibrate' in str(error.value)


def test_files_that_are_none_or_were_edited_are_refused(path, tmp_path):
    with pytest.raises(CalibrationError, match='cannot be read'):
        read_calibration(tmp_path / 'missing.json')
    plain = json.loads(path.read_text())
    plain['body_factor'][1] *= 0.5
    path.write_text(json.dumps(plain))
    with pytest.raises(CalibrationError, match='was changed after it was written'):
        read_calibration(path)
    path.write_text(json.dumps({'format': 99}))
    with pytest.raises(CalibrationError, match='format 99'):
        read_calibration(path)
    path.write_text('{"format": 2,')
    with pytest.raises(CalibrationError, match='not JSON'):
        read_calibration(path)
    with pytest.raises(CalibrationError, match='cannot be written'):
        write_calibration(fit_calibration(outcomes(np.random.default_rng(0), 30), SOURCE), tmp_path / 'no' / 'c.json')


def test_auto_takes_the_file_beside_the_network_and_says_why_it_refuses_one(path, tmp_path):
    calibrator, refused = choose_calibrator('auto', 0.9, tmp_path, MADE_FOR)
    assert calibrator is not None and calibrator.coverage == 0.9 and refused == ''
    assert choose_calibrator('auto', 0.9, None, MADE_FOR) == (None, '')
    assert choose_calibrator('auto', 0.9, tmp_path / 'elsewhere', MADE_FOR) == (None, '')
    assert choose_calibrator('none', 0.9, tmp_path, MADE_FOR) == (None, '')
    other = dataclasses.replace(MADE_FOR, weights_hash='e' * 64)
    calibrator, refused = choose_calibrator('auto', 0.9, tmp_path, other)
    assert calibrator is None
    for words in (str(path), 'weights aaaaaaaaaaaa..., but eeeeeeeeeeee... runs', 'poco calibrate --data DIR'):
        assert words in refused
    assert choose_calibrator('auto', 0.7, tmp_path, MADE_FOR)[0] is None


@pytest.mark.parametrize('changed', [
    {'weights_hash': 'e' * 64}, {'graph_hash': ''}, {'body_model_hash': 'f' * 64}, {'model': 'poco_cliff'},
    {'model_version': '2'}])
def test_a_named_file_for_something_else_is_an_error(path, changed):
    with pytest.raises(CalibrationError, match='was made for'):
        choose_calibrator(str(path), 0.9, None, dataclasses.replace(MADE_FOR, **changed))
    assert choose_calibrator(str(path), 0.5, None, MADE_FOR)[0].coverage == 0.5
