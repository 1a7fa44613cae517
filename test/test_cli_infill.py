"""``poco infill`` on a recording as the demo writes it."""

import json

import numpy as np
import pytest
import typer
from temporal_streams import PERIOD_NS, doubted, walking
from typer.testing import CliRunner

from poco_ros.cli.body_records import bodies_from_record, with_bodies
from poco_ros.cli.infill import infill
from poco_ros.cli.records import JsonLines, read_records
from poco_ros.errors import ConfigError, PocoError
from poco_ros.types import State

APP = typer.Typer()
APP.command()(infill)


def record(k, bodies):
    stamp = k * PERIOD_NS
    header = {'stamp': {'sec': stamp // 10 ** 9, 'nanosec': stamp % 10 ** 9}, 'frame_id': 'camera'}
    return with_bodies({'header': header, 'epoch': 3, 'declared_lag_frames': 0, 'calibration_id': '', 'coverage': None,
                        'confidence_bound_mm': None, 'bodies': [], 'received_ns': stamp + 5}, bodies)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / 'bodies.jsonl'
    with JsonLines(path) as lines:
        for k in range(60):
            bodies = walking(k / 30)
            lines.write(record(k, doubted(bodies) if 20 <= k < 30 else bodies))
    return path


def test_the_gap_is_infilled_and_all_else_kept(recording):
    result = CliRunner().invoke(APP, ['--jsonl', str(recording)])
    assert result.exit_code == 0 and '10 infilled' in result.output.replace('\n', ' ')
    came, got = list(read_records(recording)), list(read_records(recording.with_suffix('.infilled.jsonl')))
    assert len(got) == 60 and [set(r) for r in got] == [set(r) for r in came]
    assert [set(r['bodies'][0]) for r in got] == [set(r['bodies'][0]) for r in came]
    assert [r['header'] for r in got] == [r['header'] for r in came]
    assert got[25]['calibration_id'].startswith('age_law-')
    states = [r['bodies'][0]['state'] for r in got]
    assert states == [State.INFILLED if 20 <= k < 30 else State.OBSERVED for k in range(60)]
    # the errors of infilled bodies refer to something also where those of the source do not
    assert (got[25]['coverage'], got[25]['confidence_bound_mm']) == (0.9, 100)
    body = bodies_from_record(got[25])
    assert body.joint_age[0, 0] == pytest.approx(6 / 30, abs=1e-6) and np.isfinite(body.body_radius_mm).all()


def test_the_predictor_can_be_chosen(recording, tmp_path):
    """Of the walk's ten unseen frames, each predictor makes something of its own."""
    poses = []
    for name in ('whole_body', 'learned', 'damped'):
        out = tmp_path / f'{name}.jsonl'
        result = CliRunner().invoke(APP, ['--jsonl', str(recording), '--out', str(out), '--predictor', name])
        assert result.exit_code == 0, result.exception
        poses.append(bodies_from_record(list(read_records(out))[25]).pose)
    assert all(np.abs(a - b).max() > 1e-3 for a, b in zip(poses, poses[1:] + poses[:1], strict=True))
    result = CliRunner().invoke(APP, ['--jsonl', str(recording), '--predictor', 'magic'])
    assert isinstance(result.exception, ConfigError)


def test_records_survive_exactly():
    bodies = doubted(walking(0.3, 2), [3], np.nan)
    again = bodies_from_record(json.loads(json.dumps(record(0, bodies), allow_nan=False)))
    for name in vars(bodies):
        a, b = getattr(bodies, name), getattr(again, name)
        assert a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == 'f'), name


def test_bad_input_names_file_and_line(tmp_path, recording):
    def error(*arguments):
        result = CliRunner().invoke(APP, [str(a) for a in arguments])
        assert isinstance(result.exception, PocoError)
        return str(result.exception)

    assert 'none.jsonl' in error('--jsonl', tmp_path / 'none.jsonl')
    assert 'overwritten' in error('--jsonl', recording, '--out', recording)
    recording.write_text(recording.read_text() + '{"bodies": 3}\n')
    assert 'line 61' in error('--jsonl', recording)
