"""Samples of what flows between the layers of an image network."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch

from poco_ros.evaluation.parity.comparison import Array

_STAGES = {f'stage{stage}_{branch}': (f'stage{stage}', branch) for stage in (2, 3, 4) for branch in range(stage)}
_STEM = {name: (name, None) for name in ('bn1', 'bn2', 'layer1')}
_CLASSIFICATION = {
    'final_layer': ('final_layer', None),
    **{f'incre_modules{i}': (f'incre_modules.{i}', None) for i in range(4)},
    # timm calls their `forward` itself, which no hook sees; the output of the last layer in them is theirs.
    **{f'downsamp_modules{i}': (f'downsamp_modules.{i}.2', None) for i in range(3)},
}

TAPS: dict[str, dict[str, tuple[str, int | None]]] = {
    'cliff': {**_STEM, **_STAGES, **_CLASSIFICATION},
    'pare': {**_STEM, **_STAGES, **{f'upsample_stage_{i}': (f'upsample_stage_{i}', None) for i in (2, 4)}},
    'hmr': {name: (name, None) for name in ('bn1', 'layer1', 'layer2', 'layer3', 'layer4')},
}
"""By regressor: the name of each tap, the module of the backbone whose output it is, and of which branch, if it has
several."""


class Taps:
    """Records samples while the backbone runs; a context manager.

    :param backbone: the image network.
    :param taps: as in :data:`TAPS`.
    """

    def __init__(self, backbone: torch.nn.Module, taps: dict[str, tuple[str, int | None]]) -> None:
        self.samples: dict[str, Array] = {}
        self._hooks = [
            backbone.get_submodule(module).register_forward_hook(self._recorder(name, branch))
            for name, (module, branch) in taps.items()]

    def __enter__(self) -> Taps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()

    def _recorder(self, name: str, branch: int | None) -> Any:
        def record(module: torch.nn.Module, inputs: Any, output: Any) -> None:
            tensor = output if branch is None else output[branch]
            # A copy: the activation behind may work in place.
            self.samples[name] = _sample(tensor).detach().numpy().copy()

        return record


def _sample(tensor: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W): every (C // 8)th channel, every (H // 4)th row and column."""
    channels, rows = max(1, tensor.shape[1] // 8), max(1, tensor.shape[2] // 4)
    return tensor[:, ::channels, ::rows, ::rows]
