"""timm comes in with a torchvision that cannot load its operators, and other failures are not hidden."""

import importlib

import pytest
import torch

from poco_ros.networks import timm_import


def test_timm_is_whole():
    assert timm_import.timm.is_model('hrnet_w48')


def test_missing_operators_are_declared_not_pretended():
    torchvision = importlib.import_module('torchvision')
    boxes = torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 1]])
    if torchvision.extension._has_ops():
        assert len(torch.ops.torchvision.nms(boxes, torch.tensor([1.0, 0.5]), 0.5)) == 1
    else:
        with pytest.raises(NotImplementedError, match='torchvision::nms'):
            torch.ops.torchvision.nms(boxes, torch.tensor([1.0, 0.5]), 0.5)


def test_another_failure_of_the_import_is_passed_on(monkeypatch):
    def fail(name):
        raise RuntimeError('out of memory')

    monkeypatch.setattr(timm_import.importlib, 'import_module', fail)
    with pytest.raises(RuntimeError, match='out of memory'):
        timm_import._import_timm()


def test_an_operator_unknown_to_us_fails_at_the_second_attempt(monkeypatch):
    calls = []

    def fail(name):
        calls.append(name)
        raise RuntimeError('operator torchvision::brand_new does not exist')

    monkeypatch.setattr(timm_import.importlib, 'import_module', fail)
    with pytest.raises(RuntimeError, match='brand_new'):
        timm_import._import_timm()
    assert calls == ['timm', 'timm']
