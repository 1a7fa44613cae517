"""Settings and files of predictors."""

import pytest

from poco_ros.errors import ConfigError, ModelFileError
from poco_ros.temporal.body_dynamics import BodyDynamics, shipped_body_dynamics
from poco_ros.temporal.config import MotionConfig
from poco_ros.temporal.learned_dynamics import LearnedDynamics
from poco_ros.temporal.predictors import load_predictor, named_predictors, shipped_predictor


def test_every_setting_has_its_predictor():
    kinds = {'whole_body': BodyDynamics, 'learned': LearnedDynamics, 'damped': type(None)}
    choices = MotionConfig.__dataclass_fields__['predictor'].metadata['choices']
    assert set(choices) == set(kinds) and named_predictors(choices) == list(choices)
    for name, kind in kinds.items():
        assert isinstance(shipped_predictor(name), kind)
    with pytest.raises(ConfigError, match="not 'magic'"):
        named_predictors(['damped', 'magic'])


def test_files_are_told_apart_by_their_ending(tmp_path):
    shipped_body_dynamics().save(tmp_path / 'd.npz')
    assert isinstance(load_predictor(tmp_path / 'd.npz'), BodyDynamics)
    with pytest.raises(ModelFileError, match=r'd\.json'):
        load_predictor(tmp_path / 'd.onnx')
