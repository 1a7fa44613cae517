"""Networks with the weights of the golden files, and whether a label is the one that they were made with."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from poco_ros.errors import ConfigError, PocoError
from poco_ros.evaluation.parity.golden import load_arrays
from poco_ros.networks.mock_weights import mock_state
from poco_ros.networks.regression_heads import register_mean_parameters

Module = TypeVar('Module', bound=torch.nn.Module)


def filled(module: Module, prefix: str, base: str) -> Module:
    """Give a part of a network the weights that it has in the whole one.

    :param module: changed in place.
    :param prefix: the part's name in the whole network, e.g. 'flow_head'.
    :param base: label of the weights.
    :returns: the module, in eval mode.
    """
    whole = torch.nn.ModuleDict({prefix: module})
    whole.load_state_dict(mock_state(whole, base))
    return module.eval()


def check_base(paths: list[Path], base: str) -> None:
    """Refuse a label that golden files were not made with, before hours are spent on finding every array different.

    Each network's file carries three weights as they were. Where all three differ the label is wrong; where only some
    do, the file is, and its comparison will tell. Files that are missing or damaged are not looked at here either.

    :param paths: of the networks' golden files.
    :param base: label of the weights.
    :raises ConfigError: when the label is empty or wrong.
    """
    if not base:
        raise ConfigError('--base is the label that the golden files were made with, such as A; it is empty')
    head = torch.nn.Module()
    register_mean_parameters(head)
    weights = filled(head, 'head', base).state_dict()
    for path in paths:
        try:
            golden = load_arrays(path)
        except PocoError:
            continue
        present = [name for name in weights if name in golden]
        if present and not any(np.array_equal(golden[name], weights[name].numpy()) for name in present):
            raise ConfigError(f'{path} was not made with the base {base!r}: its {", ".join(present)} are others; '
                              'give --base the label that this set of golden files was made with')
