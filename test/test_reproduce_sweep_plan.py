import numpy as np
import pytest

from poco_ros.errors import ConfigError
from poco_ros.evaluation.reproduce import sweep_plan
from poco_ros.evaluation.reproduce.shows import Show
from poco_ros.evaluation.reproduce.study import Plan
from poco_ros.evaluation.reproduce.sweep_plan import SweepPlan, runnable_network, sweep_licence
from poco_ros.whole_files import sha256_of


def test_the_licence_is_that_of_the_data(tmp_path):
    motion = tmp_path / 'motion.npz'
    np.savez(motion, x=1)
    recipe = {'licence': 'CMU', 'files': {'mocap': sha256_of(motion)}}
    assert sweep_licence(motion, recipe) == 'CMU'
    with pytest.raises(ConfigError, match='--sweep-licence'):
        sweep_licence(motion, {**recipe, 'files': {}})


def test_what_is_left_out_is_said():
    assert SweepPlan(None, 1).left_out == 'rendered people (--mocap), real videos (--video)'
    assert SweepPlan(None, 1, ['a video']).left_out == 'rendered people (--mocap)'


def test_the_first_poco_lift_is_shown_and_exported_once(tmp_path, monkeypatch):
    made = []
    export = pytest.importorskip('poco_ros.export.network')
    monkeypatch.setattr(export, 'export_network', lambda folder, body: made.append(folder))
    plan = Plan(seeds=(3, 4), steps=10, scale_steps=2)
    folder = runnable_network(plan, tmp_path, None)
    assert folder == str(tmp_path / 'lift-poco-seed3-10+2') and len(made) == 1
    (tmp_path / 'lift-poco-seed3-10+2').mkdir()
    (tmp_path / 'lift-poco-seed3-10+2' / 'model.json').touch()
    assert runnable_network(plan, tmp_path, None) == folder and len(made) == 1
    other = Plan(('none', 'gauss'), (0,), 10, 2)
    assert runnable_network(other, tmp_path, None).endswith('lift-gauss-seed0-10+2')
    assert runnable_network(Plan(('none',), (0,), 10, 2), tmp_path, None) is None


def test_the_network_and_the_analytic_lift_see_the_same(monkeypatch):
    asked = []

    def rendered(name, crossings, models, progress):
        asked.append((name, len(crossings), tuple(models)))
        return [Show(name, model, ()) for model in models]

    def video(source, models, progress):
        asked.append((source, tuple(models)))
        return [Show(source, model, ()) for model in models]

    monkeypatch.setattr(sweep_plan, 'rendered_shows', rendered)
    monkeypatch.setattr(sweep_plan, 'video_shows', video)

    class Maker:
        def make(self, seed):
            return seed

    shows = SweepPlan(Maker(), 2, ['v']).shows('/nets/mine', lambda *what: None)
    both = ('mine', 'analytic lift')
    assert asked == [('rendered people', 2, both), ('v', both)] and len(shows) == 4
    assert SweepPlan(None, 2, ['v']).shows(None, lambda *what: None)[0].model == 'analytic lift'
