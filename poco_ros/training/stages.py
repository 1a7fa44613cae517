"""The two stages of the paper's recipe: what is trained, by which optimiser, on which terms."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch

from poco_ros.networks.model import PocoModel
from poco_ros.training.loss_config import LossConfig

SCALE_PARTS = ('uncert_head', 'flow_head')
"""What the second stage trains; the rest is frozen and in eval mode, but for its dropout."""

_MIN_STEP = 1e-12
"""Adam's epsilon: the paper weighs the likelihood by 1e-4, which brings gradients down to the usual 1e-8."""


def set_stage(model: PocoModel, stage: int) -> None:
    """Freeze and thaw, and set train and eval mode.

    Dropout stays in the frozen part: without it the body errs less on those it was trained with than on anybody else,
    and sigma would be learnt from that.

    :param model: is changed.
    :param stage: 1: all in train mode; 2: scale network and flow alone.
    """
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(stage == 1 or name.split('.')[0] in SCALE_PARTS)
    model.train(stage == 1)
    for part in (*_scale_parts(model), *(m for m in model.modules() if isinstance(m, torch.nn.Dropout))):
        part.train()


def stage_losses(config: LossConfig, stage: int) -> LossConfig:
    """Return the terms that train something: of a frozen body there are only those with sigma and flow."""
    if stage == 1:
        return config
    return dataclasses.replace(config, turn=0.0, betas=0.0, kp3d=0.0, kp2d=0.0, shape=0.0, cam=0.0)


def optimiser(model: PocoModel, weight_decay: float) -> torch.optim.AdamW:
    """Return the optimiser of what is not frozen; vectors (biases, gains) do not decay."""
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {'params': [parameter for parameter in free if parameter.ndim > 1], 'weight_decay': weight_decay},
        {'params': [parameter for parameter in free if parameter.ndim <= 1], 'weight_decay': 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, eps=_MIN_STEP, fused=True)


def _scale_parts(model: PocoModel) -> Iterator[torch.nn.Module]:
    for name in SCALE_PARTS:
        part = getattr(model, name)
        if part is not None:
            yield part
