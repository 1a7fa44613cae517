"""timm, imported so that a torchvision whose compiled operators do not load does not stop it.

timm imports torchvision, and torchvision refuses to be imported when its compiled library does not fit the torch beside
it (as with a CPU build of torch beside a CUDA build of torchvision). Nothing of that library is used here, so the
operators it asks for are declared, not implemented: the import succeeds, and a call of one of them still fails.
"""

from __future__ import annotations

import importlib
from types import ModuleType

import torch

# What torchvision's Python code looks up by name while it is imported.
_LOOKED_UP = {
    'nms': '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
    'qnms': '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
}


def _import_timm() -> ModuleType:
    try:
        return importlib.import_module('timm')
    except RuntimeError as error:
        if 'torchvision::' not in str(error):
            raise
    for name, schema in _LOOKED_UP.items():
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f'torchvision::{name}', schema)
    return importlib.import_module('timm')


timm = _import_timm()
"""The package, as ``import timm`` gives it."""
