"""Settings of the temporal stage."""

import dataclasses

import pytest

from poco_ros.errors import ConfigError
from poco_ros.temporal.config import LifeConfig, StampConfig, TemporalConfig, TrustConfig


def walk(config_class):
    for field in dataclasses.fields(config_class):
        if dataclasses.is_dataclass(field.default_factory):
            yield from walk(field.default_factory)
        else:
            yield field


def test_every_setting_is_described_and_bounded_and_its_default_is_allowed():
    fields = list(walk(TemporalConfig))
    assert len(fields) > 30
    for field in fields:
        meta = field.metadata
        assert meta['description'] and ('choices' in meta or meta['min'] <= field.default <= meta['max']), field.name
        assert 'choices' not in meta or field.default in meta['choices']


@pytest.mark.parametrize(('make', 'match'), [
    (lambda: TemporalConfig(lag_frames=31), 'lag_frames'),
    (lambda: TemporalConfig(preset='fast'), 'preset'),
    (lambda: TrustConfig(u_lo=0.9), 'u_lo'),
    (lambda: TrustConfig(error_lo_mm=300.0), 'error_lo_mm'),
    (lambda: LifeConfig(held_s=0.6), 'held_s'),
    (lambda: LifeConfig(lost_live_s=2.0), 'lost_infilled_s'),
    (lambda: StampConfig(jump_s=float('nan')), 'jump_s'),
    (lambda: TemporalConfig(preset='paper', trust=TrustConfig(u_lo=0.3)), 'paper'),
])
def test_contradictions_are_refused(make, match):
    with pytest.raises(ConfigError, match=match):
        make()


def test_the_paper_has_one_hard_cut_on_bodies():
    trust = TemporalConfig(preset='paper').effective_trust
    assert (trust.measure, trust.u_lo, trust.u_hi, trust.scope) == ('uncertainty', 0.8, 0.8, 'body')
    assert TemporalConfig().effective_trust == TrustConfig()
