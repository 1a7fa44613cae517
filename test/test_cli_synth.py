import pytest
from network_files import cached
from synth_motion import write_motion
from typer.testing import CliRunner

from poco_ros.cli.main import app
from poco_ros.errors import DatasetError
from poco_ros.people.model_files import DETECTOR, LANDMARKER
from poco_ros.synth import generate as module
from poco_ros.synth.shards import Header, read_dataset


@pytest.fixture
def mocap(tmp_path):
    cached(DETECTOR), cached(LANDMARKER)
    return write_motion(tmp_path / 'motion.npz')


def run(*arguments):
    return CliRunner().invoke(app, ['synth', *map(str, arguments)])


def test_the_command_makes_what_its_options_say(mocap, tmp_path):
    out = tmp_path / 'data'
    result = run('--mocap', mocap, '--out', out, '--count', 4, '--frames', 2, '--seed', 3, '--prior', 0, '--workers', 1,
                 '--split', 'test', '--camera-height', 1.5, 1.6, '--distance', 3, 4, '--licence', 'CMU')
    assert result.exit_code == 0, result.output
    assert '4 samples' in result.output
    samples = read_dataset(out, 'test')
    assert len(samples) == 4 and set(samples.source) == {'mocap'} and set(samples.licence) == {'CMU terms'}
    depth = samples.joints[:, 0, 2]
    assert depth.min() > 1.5 and depth.max() < 5
    assert Header.load(out).recipe['seed'] == 3


def test_an_interrupt_says_how_to_go_on(mocap, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, 'make_shard', interrupted)
    result = run('--mocap', mocap, '--out', tmp_path / 'data', '--workers', 1)
    assert result.exit_code == 130
    assert 'the same command goes on' in result.output


def test_contradicting_options_are_refused(mocap, tmp_path):
    result = run('--mocap', mocap, '--out', tmp_path / 'data', '--distance', 5, 2)
    assert result.exit_code != 0 and 'distance_min' in str(result.exception)


def test_a_data_set_of_other_settings_is_kept(mocap, tmp_path):
    arguments = ('--mocap', mocap, '--out', tmp_path / 'data', '--count', 2, '--frames', 2, '--workers', 1)
    assert run(*arguments).exit_code == 0
    result = run(*arguments, '--seed', 9)
    assert isinstance(result.exception, DatasetError) and 'seed' in str(result.exception)
