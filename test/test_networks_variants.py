"""Which descriptions of a network are accepted, and what they say of its parts."""

import dataclasses
import json

import pytest

from poco_ros.errors import ConfigError
from poco_ros.networks.variants import FORMULATIONS, OFFICIAL, Variant


def test_a_description_survives_json():
    for variant in OFFICIAL.values():
        assert Variant.from_dict(json.loads(json.dumps(variant.to_dict()))) == variant


@pytest.mark.parametrize(
    ('formulation', 'scale', 'flow', 'scale_sees', 'flow_sees'),
    [
        ('none', False, False, 'feat', 0),
        ('gauss', True, False, 'feat', 0),
        ('nflow', True, True, 'feat', 0),
        ('cond_scale', True, True, 'feat-pose-net', 0),
        ('cond_bdf', True, True, 'feat', 512),
        ('poco', True, True, 'feat-pose-net', 512),
    ],
)
def test_formulations_have_the_parts_of_the_papers_table(formulation, scale, flow, scale_sees, flow_sees):
    variant = dataclasses.replace(OFFICIAL['poco_cliff'], formulation=formulation)
    assert (variant.has_uncertainty, variant.has_flow) == (scale, flow)
    assert (variant.scale_sees, variant.flow_sees) == (scale_sees, flow_sees)


@pytest.mark.parametrize(
    ('changes', 'word'),
    [
        ({'regressor': 'spin'}, 'regressor'),
        ({'formulation': 'norm_flow_res_gauss'}, 'formulation'),
        ({'scale_input': 'pose'}, 'scale_input'),
        ({'scale_activation': 'relu'}, 'scale_activation'),
        ({'sigma_size': 3}, 'sigma_size'),
        ({'sigma_multiplier': 0.0}, 'sigma_multiplier'),
        ({'sigma_multiplier': float('nan')}, 'sigma_multiplier'),
        ({'flow_mask': 'random'}, 'flow_mask'),
        ({'flow_layers': 3}, 'even'),
        ({'flow_context': -1}, 'context'),
        ({'scale_hidden': ()}, 'hidden'),
        ({'scale_hidden': (), 'scale_input': 'feat-net-pose'}, 'hidden'),
        ({'scalar_rule': 'official-hmr-1'}, 'scalar_rule'),
        ({'scale_input': 'feat'}, 'scale_input'),
        ({'formulation': 'cond_scale', 'scale_input': 'feat'}, 'scale_input'),
        ({'flow_context': 0}, 'flow_context'),
        ({'formulation': 'nflow', 'flow_layers': 0}, 'flow_layers'),
    ],
)
def test_contradictory_descriptions_are_refused_by_the_fields_name(changes, word):
    with pytest.raises(ConfigError, match=word):
        dataclasses.replace(OFFICIAL['poco_cliff'], **changes)


def test_foreign_fields_are_refused():
    with pytest.raises(ConfigError, match='colour'):
        Variant.from_dict({**OFFICIAL['poco_hmr'].to_dict(), 'colour': 'red'})


def test_every_formulation_can_be_described_with_the_defaults():
    for formulation in FORMULATIONS:
        Variant('mine', 'hmr', 'resnet18', formulation=formulation)
