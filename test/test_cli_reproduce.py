import pytest
import synth_motion
import synth_shards
import typer
from typer.testing import CliRunner

from poco_ros.cli.reproduce import reproduce
from poco_ros.errors import ConfigError, VideoError

pytest.importorskip('torch')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'set'
    synth_shards.write_dataset(folder)
    return folder


def error_of(*arguments: object):
    app = typer.Typer()
    app.command()(reproduce)
    return CliRunner().invoke(app, [str(a) for a in arguments]).exception


def test_mistakes_are_found_before_anything_is_trained(data, tmp_path):
    common = ('--data', data, '--out', tmp_path / 'out')
    motion = synth_motion.write_motion(tmp_path / 'motion.npz')
    found = error_of(*common, '--mocap', motion)
    assert isinstance(found, ConfigError) and '--sweep-licence' in str(found)
    found = error_of(*common, '--video', tmp_path / 'none.mp4')
    assert isinstance(found, VideoError) and 'none.mp4' in str(found)
    found = error_of(*common, '--video', 'demo', '--sweep-model', './nobody')
    assert isinstance(found, ConfigError) and 'nobody' in str(found)
    for option, wrong in (('--formulation', 'poko'), ('--image-regressor', 'spin')):
        found = error_of(*common, option, wrong)
        assert isinstance(found, ConfigError) and option in str(found) and wrong in str(found)
    assert not (tmp_path / 'out').exists()
