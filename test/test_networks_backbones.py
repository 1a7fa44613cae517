"""Image networks by timm's names: maps of the announced size, and clear refusals."""

import pytest
import torch

from poco_ros.errors import ConfigError
from poco_ros.networks.backbones import UpsampledHRNet, build_backbone


@pytest.mark.parametrize(
    ('name', 'for_parts', 'shape'),
    [
        ('resnet18', True, (512, 7, 7)),
        ('hrnet_w18_small', False, (2048, 7, 7)),
        ('hrnet_w18_small', True, (16 + 32 + 64 + 128, 56, 56)),
    ],
)
def test_maps_have_the_announced_channels(name, for_parts, shape):
    backbone = build_backbone(name, for_parts=for_parts)
    assert backbone.training
    with torch.no_grad():
        features = backbone.eval().forward_features(torch.zeros(2, 3, 224, 224))
    assert features.shape == (2, *shape)
    assert backbone.num_features == shape[0]


def test_upsampling_keeps_what_is_constant_and_the_first_branch_is_passed_on():
    backbone = UpsampledHRNet('hrnet_w18_small').eval()
    for stage in (backbone.upsample_stage_2, backbone.upsample_stage_3, backbone.upsample_stage_4):
        for layer in stage:
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.dirac_(layer.weight)
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        branches = super(UpsampledHRNet, backbone).forward_features(images)
        features = backbone.forward_features(images)
    first, second, third, fourth = features.split([len(branch[0]) for branch in branches], dim=1)
    torch.testing.assert_close(first, branches[0])
    # Bilinear with aligned corners: the corners of the coarse map are the corners of the fine one.
    for fine, coarse in ((second, branches[1]), (third, branches[2]), (fourth, branches[3])):
        assert fine.shape[-2:] == (56, 56)
        torch.testing.assert_close(fine[..., ::55, ::55], coarse[..., :: coarse.shape[-1] - 1, :: coarse.shape[-1] - 1],
                                   rtol=1e-4, atol=1e-5)  # fmt: skip


@pytest.mark.parametrize('name', ['hrnet_w999', 'resnet5', 'no such network'])
def test_unknown_names_are_refused(name):
    with pytest.raises(ConfigError, match=f'no network {name!r}'):
        build_backbone(name)


def test_a_close_name_is_offered():
    with pytest.raises(ConfigError, match='hrnet_w32'):
        build_backbone('hrnet_w23')


def test_a_network_without_a_feature_map_is_refused():
    with pytest.raises(ConfigError, match='not a map.*resnet50'):
        build_backbone('vit_tiny_patch16_224')
